"""Which deployment starts which: effects, cycles, and what nobody starts."""

from __future__ import annotations

from typing import Any

from deployer.description.starts import cycle_problems, desired_links, effects, links, unpublished
from deployer.models.desired import Desired
from deployer.models.flow import ProjectNames, Trigger
from deployer.models.plan import Effect
from deployer.planning.planner import plan_changes
from tests.plan import made


def item(name: str, *after: str, events: tuple[str, ...] = (), **flow: Any) -> Desired:
    triggers = [Trigger("run", f"metaflow.{each}.end", line=2) for each in after]
    triggers += [Trigger("event", each, line=2) for each in events]
    return made.desired(made.deployment(name), made.flow(triggers=tuple(triggers), **flow), name=f"{name}.dag")


def shown(items: list[Desired], *there: Desired) -> dict[str, list[Effect]]:
    states = [
        made.site(
            *(made.deployed(each) for each in there), known={each.deployment.address for each in (*items, *there)}
        )
    ]
    changes = plan_changes(items, states)
    known = links(items, states, changes)
    return {change.address: list(effects(change, known)) for change in changes}


def test_each_change_says_what_starts_it_and_what_it_starts() -> None:
    found = shown([item("load"), item("train", "load.dag"), item("report", "train.dag", "load.dag", events=("day",))])
    assert found == {
        "prod/load": [Effect("starts", ("prod/report", "prod/train"))],
        "prod/train": [Effect("started by", ("prod/load",)), Effect("starts", ("prod/report",))],
        "prod/report": [Effect("started by", ("prod/load", "prod/train", "day"))],
    }


def test_what_is_deployed_and_not_planned_counts_too() -> None:
    found = shown([item("train", "load.dag")], item("load"), item("report", "train.dag"))
    assert found["prod/train"] == [Effect("started by", ("prod/load",)), Effect("starts", ("prod/report",))]


def test_a_flow_that_nobody_publishes_is_named_by_its_event() -> None:
    assert shown([item("train", "far.dag")])["prod/train"] == [Effect("started by", ("metaflow.far.dag.end",))]


def test_a_project_publishes_by_its_own_name() -> None:
    project = ProjectNames("growth", "prod", "growth.prod.TrainFlow")
    deployment, flow = made.deployment(dag_id="train.dag"), made.flow(project=project)
    (found,) = desired_links([made.desired(deployment, flow)])
    assert found.publishes == "metaflow.TrainFlow.end"  # the name is not known there


class TestCycles:
    def problems(self, *items: Desired) -> list[str]:
        found = cycle_problems(items, desired_links(items))
        return list(dict.fromkeys(problem.message for _, problem in found))

    def test_a_chain_has_none(self) -> None:
        assert self.problems(item("a"), item("b", "a.dag"), item("c", "b.dag", "a.dag")) == []

    def test_a_flow_that_starts_itself(self) -> None:
        message = "prod/a -> prod/a: the end of each starts the next one, so that they never stop"
        assert self.problems(item("a", "a.dag")) == [message]

    def test_the_path_leads_through_the_flows(self) -> None:
        chain = [item("a", "c.dag"), item("b", "a.dag"), item("c", "b.dag"), item("d", "c.dag")]
        (message,) = self.problems(*chain)
        assert message.startswith("prod/a -> prod/b -> prod/c -> prod/a: ")

    def test_each_flow_in_it_is_refused(self) -> None:
        items = [item("a", "b.dag"), item("b", "a.dag"), item("c", "b.dag")]
        assert [address for address, _ in cycle_problems(items, desired_links(items))] == ["prod/a", "prod/b"]


class TestUnpublished:
    def warnings(self, items: list[Desired], *there: Desired, unknown: tuple[str, ...] = ()) -> list[str]:
        states = [made.site(*(made.deployed(each) for each in there))]
        return [each.message for each in unpublished(items, links(items, states, ()), unknown)]

    def test_a_flow_that_waits_for_nobody_is_told(self) -> None:
        message = "prod/train waits for metaflow.load.dag.end, and no deployment publishes that event"
        assert self.warnings([item("train", "load.dag")]) == [message]

    def test_a_flow_of_the_manifests_or_of_a_target_publishes(self) -> None:
        assert self.warnings([item("train", "load.dag"), item("load")]) == []
        assert self.warnings([item("train", "load.dag")], item("load")) == []

    def test_a_flow_that_was_not_compiled_may_publish(self) -> None:
        assert self.warnings([item("train", "load.dag")], unknown=("load",)) == []
