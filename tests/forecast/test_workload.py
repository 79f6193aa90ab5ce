"""What a run of a DAG is for a forecast: the groups of tasks, what they wait for, and what they ask for."""

from __future__ import annotations

from typing import Any

from deployer.forecasting.jobs import Assumptions, Group, Job, Measured
from deployer.models.flow import Flow, Step
from deployer.orchestrators.airflow.workload import job_of
from tests.plan import made

ASSUMED = Assumptions(300, 10)


def job(*steps: Step, assumed: Assumptions = ASSUMED, **settings: Any) -> Job:
    flow: Flow = made.flow(steps=steps)
    description = made.desired(made.deployment(**settings), flow).description
    return job_of("prod/train", description, assumed)


def named(found: Job) -> dict[str, tuple[int, list[str], list[str]]]:
    """How many tasks each group has, and the names of what it waits for: as a whole, and one by one."""
    names = [group.name for group in found.groups]
    return {
        group.name: (group.count, [names[each] for each in group.after], [names[each] for each in group.along])
        for group in found.groups
    }


FOREACH = (
    Step("start", "foreach", 1, next=("fit",), foreach_over="models"),
    Step(
        "fit", "linear", 2, next=("score",), previous=("start",), foreaches=("start",), pod={"cpu": "2", "memory": 8000}
    ),
    Step("score", "linear", 3, next=("join",), previous=("fit",), foreaches=("start",), pod={"gpu": "1"}),
    Step("join", "join", 4, next=("end",), previous=("score",), joins="start"),
    Step("end", "end", 5, previous=("join",)),
)


def test_a_foreach() -> None:
    found = job(*FOREACH, max_workers=4, max_active_runs=2, worker_pool="gpus", priority=3)
    assert named(found) == {
        "start": (1, [], []),
        "fit": (10, ["start"], []),
        "score": (10, [], ["fit"]),
        "join": (1, ["fit", "score"], []),
        "end": (1, ["join"], []),
    }
    assert found.max_runs == 2
    assert found.groups[1] == Group("fit", 300, 10, (0,), (), 4, 12, "gpus", 2000, 8000, 0)
    assert (found.groups[2].gpus, found.groups[3].at_once, found.groups[4].weight) == (1, 0, 3)


def test_what_runs_showed() -> None:
    found = job(*FOREACH, assumed=Assumptions(300, 10, {"fit": Measured(17, 4), "score": Measured(5, 3)}))
    # A step that some items skip follows all of the one before it.
    assert named(found)["score"] == (3, ["fit"], [])
    assert [(group.seconds, group.count) for group in found.groups] == [(300, 1), (17, 4), (5, 3), (300, 1), (300, 1)]


def test_a_foreach_in_a_foreach_divides_the_body() -> None:
    found = job(
        Step("start", "foreach", 1, next=("a",)),
        Step("a", "foreach", 2, next=("b",), previous=("start",), foreaches=("start",)),
        Step("b", "linear", 3, next=("inner",), previous=("a",), foreaches=("start", "a")),
        Step("inner", "join", 4, next=("c",), previous=("b",), joins="a", foreaches=("start",)),
        Step("c", "linear", 5, next=("outer",), previous=("inner",), foreaches=("start",)),
        Step("outer", "join", 6, next=("end",), previous=("c",), joins="start"),
        Step("end", "end", 7, previous=("outer",)),
        assumed=Assumptions(60, 3),
    )
    assert named(found) == {
        "start": (1, [], []),
        "a": (3, ["start"], []),
        "b": (9, ["a"], []),
        "inner": (3, ["b"], []),
        "c": (3, [], ["inner"]),
        "outer": (1, ["a", "b", "inner", "c"], []),
        "end": (1, ["outer"], []),
    }


def test_no_step_has_more_tasks_than_any_airflow_takes() -> None:
    found = job(*FOREACH, assumed=Assumptions(300, 10**9))
    assert found.groups[1].count == 100_000


def test_branches_and_amounts_that_are_none() -> None:
    found = job(
        Step("start", "split", 1, next=("left", "right")),
        Step("left", "linear", 2, next=("join",), previous=("start",), pod={"cpu": "much", "memory": None}),
        Step("right", "linear", 3, next=("join",), previous=("start",), pod={"cpu": 1e30}),
        Step("join", "join", 4, next=("end",), previous=("left", "right"), joins="start"),
        Step("end", "end", 5, previous=("join",)),
    )
    assert named(found)["join"] == (1, ["left", "right"], [])
    assert {group.cpu for group in found.groups} == {0}
    assert [group.weight for group in found.groups] == [5, 3, 3, 2, 1]
    assert {group.pool for group in found.groups} == {"default_pool"}
