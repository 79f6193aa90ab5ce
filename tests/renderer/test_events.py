"""What starts a DAG beside a schedule: the names of events, the manifest's triggers, and values from payloads."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import pytest

from deployer.description import describe
from deployer.manifest.keys import TriggerSettings
from deployer.models.branches import Branch
from deployer.models.deployment import Deployment, Schedule
from deployer.models.desired import Desired
from deployer.models.flow import Flow, Parameter, ProjectNames, Trigger
from deployer.orchestrators.airflow import AirflowOrchestrator
from deployer.orchestrators.airflow.check import check
from deployer.orchestrators.airflow.render import render
from deployer.orchestrators.airflow.text_and_record import disagreements
from tests.plan import made
from tests.renderer import flows

AFTER = Trigger("run", "metaflow.LoadFlow.end", flow="LoadFlow", line=3)
REGION = Parameter("region", "string", 8, required=True)
LIMIT = Parameter("limit", "integer", 9, default=10)
PROJECT = ProjectNames("growth", "test.dev", "growth.test.dev.TrainFlow")


def waits_for(deployment: Deployment, flow: Flow) -> list[str]:
    return [trigger.name for trigger in AirflowOrchestrator().in_branch(deployment, flow).triggers]


class TestNames:
    @pytest.mark.parametrize(
        ("changes", "name"),
        [
            ({}, "metaflow.LoadFlow.end"),
            ({"environment": flows.environment(name="local", production=False)}, "metaflow.LoadFlow.local.end"),
            (
                {"environment": flows.environment(name="dev", production=False, branch=Branch("pr_12"))},
                "metaflow.LoadFlow.dev.pr_12.end",
            ),
            ({"flow_dag_ids": {"LoadFlow": "nightly_load"}}, "metaflow.nightly_load.end"),
            ({"flow_dag_ids": {"LoadFlow": ""}}, "metaflow.LoadFlow.end"),
        ],
    )
    def test_a_flow_is_found_in_its_own_environment(self, changes: dict[str, Any], name: str) -> None:
        assert waits_for(flows.deployment(**changes), flows.linear(triggers=(AFTER,))) == [name]

    def test_a_flow_of_a_project_keeps_the_name_that_metaflow_gives(self) -> None:
        trigger = Trigger("run", "metaflow.growth.test.dev.LoadFlow.end", "LoadFlow", "growth", "test.dev", line=3)
        laptop = flows.deployment(environment=flows.environment(name="local", production=False))
        assert waits_for(laptop, flows.linear(triggers=(trigger,), project=PROJECT)) == [trigger.name]

    @pytest.mark.parametrize(
        ("changes", "project", "name"),
        [
            ({}, None, "metaflow.TrainFlow.end"),
            ({"environment": flows.environment(name="local", production=False)}, None, "metaflow.TrainFlow.local.end"),
            ({"dag_id": "eu_train"}, None, "metaflow.eu_train.end"),
            ({"dag_id": "eu_train"}, PROJECT, "metaflow.growth.test.dev.TrainFlow.end"),
        ],
    )
    def test_a_dag_publishes_by_what_is_unique_to_it(
        self, changes: dict[str, Any], project: ProjectNames | None, name: str
    ) -> None:
        flow = flows.linear(project=project)
        assert f'ENDED = Asset("{name}")\n' in render(flows.deployment(**changes), flow, flows.package(flow))


class TestManifest:
    def resolved(self, *triggers: TriggerSettings, **changes: Any) -> Flow:
        deployment = flows.deployment(triggers=triggers, **changes)
        flow = flows.linear(triggers=(AFTER,), parameters=(REGION, LIMIT))
        found = AirflowOrchestrator().in_branch(deployment, flow)
        assert check(deployment, found) == []
        return found

    def test_it_is_stronger_than_the_code(self) -> None:
        assert self.resolved(parameters={"region": "north"}).triggers == ()
        found = self.resolved(TriggerSettings(flow="growth.prod.PriceFlow"), parameters={"region": "north"})
        assert [each.name for each in found.triggers] == ["metaflow.growth.prod.PriceFlow.end"]

    def test_a_flow_of_another_manifest_is_named_by_its_dag(self) -> None:
        found = self.resolved(TriggerSettings(dag_id="their.load"), parameters={"region": "north"})
        assert [each.name for each in found.triggers] == ["metaflow.their.load.end"]

    def test_a_single_event_gives_each_parameter_by_its_own_name(self) -> None:
        (found,) = self.resolved(TriggerSettings(event="orders")).triggers
        assert found.parameters == {"limit": "limit", "region": "region"}

    def test_the_project_of_the_flow_is_that_of_the_flow_before_it(self) -> None:
        deployment = flows.deployment(triggers=(TriggerSettings(flow="LoadFlow"),))
        found = AirflowOrchestrator().in_branch(deployment, flows.linear(project=PROJECT))
        assert [each.name for each in found.triggers] == ["metaflow.growth.test.dev.LoadFlow.end"]

    @pytest.mark.parametrize(
        ("triggers", "path", "message"),
        [
            ([{}], "0", "expected one of flow, dag_id and event, found none of them"),
            ([{"flow": "A", "event": "b"}], "0", "expected one of flow, dag_id and event, found flow and event"),
            ([{"flow": "a.B"}], "0.flow", "'a.B' is not the name of a flow"),
            ([{"event": "a b"}], "0.event", "'a b' is not the name of an event"),
            ([{"flow": "A", "parameters": {"limit": "x"}}], "0.parameters", "only an event gives values to parameters"),
            ([{"event": "a", "parameters": {"limt": "x"}}], "0.parameters.limt", "no parameter 'limt'"),
            ([{"event": "a", "parameters": {"limit": "x y"}}], "0.parameters.limit", "'x y' is not a valid key"),
            (
                [{"event": "a", "parameters": {"limit": "x"}}, {"event": "b", "parameters": {"limit": "y"}}],
                "1.parameters.limit",
                "another event gives a value to 'limit' too",
            ),
            ([{"flow": "A"}, {"flow": "A"}], "0", "metaflow.A.end is listed twice"),
        ],
    )
    def test_what_is_wrong_is_said_with_its_place(
        self, triggers: list[dict[str, Any]], path: str, message: str
    ) -> None:
        written = tuple(TriggerSettings(**each) for each in triggers)
        found = check(flows.deployment(triggers=written), flows.linear(parameters=(LIMIT,)))
        number, dot, key = path.partition(".")
        expected = f"flows.train.triggers[{number}]{dot}{key}"
        assert [(each.code, each.path) for each in found] == [("bad-trigger", expected)]
        assert message in found[0].message


class TestParameters:
    EVENT = Trigger("event", "orders", parameters={"region": "area"}, line=3)

    def test_a_required_one_without_a_value_is_refused(self) -> None:
        (found,) = check(flows.deployment(), flows.linear(triggers=(AFTER,), parameters=(REGION,)))
        assert found.message == "parameter 'region' needs a value, because its event gives it none"

    def test_a_required_one_may_have_its_value_from_an_event(self) -> None:
        flow = flows.linear(triggers=(self.EVENT,), parameters=(REGION,))
        assert check(flows.deployment(), flow) == []
        # Airflow imports no DAG that starts by itself and has a Param without a value.
        assert '"region": Param(None, type=["null", "string"])' in render(flows.deployment(), flow, flows.package(flow))

    def test_none_has_the_name_of_the_key_of_the_event(self) -> None:
        named = dataclasses.replace(LIMIT, name="metaflow_event")
        (found,) = check(flows.deployment(), flows.linear(triggers=(self.EVENT,), parameters=(named, REGION)))
        assert "the key that holds the event" in found.message


def functions(flow: Flow) -> dict[str, Any]:
    """The functions of a DAG file that need no Airflow."""
    text = render(flows.deployment(), flow, flows.package(flow))
    start = text.index("TRIGGERS = ")
    names: dict[str, Any] = {"AirflowFailException": ValueError, "FLOW": "TrainFlow", "json": json}
    exec(text[start : text.index("class MetaflowStep")], names)
    return names


class TestPayloads:
    KINDS = (
        *(REGION, LIMIT),
        Parameter("share", "number", 10, default=0.5),
        Parameter("dry", "boolean", 11, default=False),
        Parameter("table", "json", 12),
        Parameter("names", "string", 13, separator=",", default="a"),
    )
    FLOW = flows.linear(
        parameters=KINDS,
        triggers=(Trigger("event", "orders", parameters={each.name: each.name for each in KINDS}, line=3),),
    )

    def values(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        names = functions(self.FLOW)
        defaults = {"region": None, "limit": 10, "share": 0.5, "dry": False, "table": None, "names": "a"}
        row = names["TRIGGERS"]["orders"]
        found = names["event_values"](defaults, [(names["as_metaflow"](payload, 1, row), payload, row)])
        return {name: value for name, value in found.items() if value != defaults[name]}

    @pytest.mark.parametrize(
        ("payload", "values"),
        [
            ({"region": "north", "other": 1}, {"region": "north"}),
            ({"region": 5, "limit": "7"}, {"region": "5", "limit": 7}),
            ({"region": "x", "share": 1, "dry": "True"}, {"region": "x", "share": 1, "dry": True}),
            ({"region": "x", "table": '{"a": 1}'}, {"region": "x", "table": {"a": 1}}),
            ({"region": "x", "table": [1], "names": ["b", "c"]}, {"region": "x", "table": [1], "names": ["b", "c"]}),
            ({"region": "x", "limit": None}, {"region": "x"}),
        ],
    )
    def test_values_have_the_types_of_the_parameters(self, payload: dict[str, Any], values: dict[str, Any]) -> None:
        assert self.values(payload) == values

    @pytest.mark.parametrize(
        ("payload", "message"),
        [
            ({}, "the event 'orders' has no 'region' in its payload, and the parameter 'region' needs it"),
            ({"region": {"a": 1}}, "has 'region': {\"a\": 1} in its payload"),
            ({"region": "x", "limit": "many"}, "the parameter 'limit' takes a value of the type integer"),
            ({"region": "x", "limit": True}, "the parameter 'limit' takes a value of the type integer"),
            ({"region": "x", "limit": 1.5}, "the parameter 'limit' takes a value of the type integer"),
            ({"region": "x", "share": "many"}, "the parameter 'share' takes a value of the type number"),
            ({"region": "x", "dry": 1}, "the parameter 'dry' takes a value of the type boolean"),
            ({"region": "x", "table": "{"}, "the parameter 'table' takes a value of the type json"),
        ],
    )
    def test_others_end_the_run(self, payload: dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=r"the event 'orders'") as error:
            self.values(payload)
        assert message in str(error.value)


def test_a_run_knows_what_started_it() -> None:
    @dataclasses.dataclass
    class Run:
        conf: dict[str, Any] | None

    flow = flows.linear(triggers=(Trigger("event", "orders", line=3), Trigger("event", "prices", line=3)))
    started_by = functions(flow)["started_by"]
    assert started_by({"dag_run": Run(None)}) == started_by({"dag_run": Run({"alpha": 1})}) == []
    given = {"name": "orders", "id": "7", "timestamp": 1700000000, "payload": {"area": "north"}}
    ((event, payload, row),) = started_by({"dag_run": Run({"metaflow_event": given})})
    assert event == {"name": "orders", "id": "7", "timestamp": 1700000000, "type": "event"}
    assert (payload, row["name"]) == ({"area": "north"}, "orders")
    for wrong in ("orders", {"name": "orders", "payload": [1]}):
        with pytest.raises(ValueError, match="is not a map with name, id, timestamp and payload"):
            started_by({"dag_run": Run({"metaflow_event": wrong})})
    with pytest.raises(ValueError, match="waits for orders, prices"):
        started_by({"dag_run": Run({"metaflow_event": {"name": "order"}})})


@pytest.mark.parametrize("cron", [None, "0 3 * * *"])
def test_the_text_agrees_with_its_record(cron: str | None) -> None:
    schedule = Schedule(cron=cron) if cron else None
    deployment = flows.deployment(**({"schedule": schedule} if schedule else {}))
    flow = flows.linear(triggers=(AFTER, Trigger("event", "orders", line=3)))
    described = describe(deployment, flow, schedule, 1, "r")
    item = Desired(deployment, flow, "TrainFlow", "TrainFlow.py", described)
    text = render(deployment, flow, flows.package(flow))
    assert list(disagreements(text, made.record_of(item))) == []
    edited = text.replace('Asset("orders+")', 'Asset("payments+")')
    (found,) = disagreements(edited, made.record_of(item))
    assert found == "it waits for metaflow.LoadFlow.end, payments+, and the record says metaflow.LoadFlow.end, orders+"
    edited = text.replace("0 3 * * *", "0 4 * * *")
    assert bool(list(disagreements(edited, made.record_of(item)))) == bool(cron)


@pytest.mark.parametrize(
    ("extra", "payload"),
    [
        ({"area": "north", "payload": "x"}, {"area": "north", "payload": "x"}),
        ({"id": "7", "timestamp": 1, "payload": '{"area": "north"}'}, {"area": "north"}),
        ({"id": "7", "timestamp": 1, "payload": {"area": "north"}}, {"area": "north"}),
        ({}, {}),
    ],
)
def test_the_payload_of_an_asset_event(extra: dict[str, Any], payload: dict[str, Any]) -> None:
    flow = flows.linear(triggers=(Trigger("event", "orders", line=3),))
    assert functions(flow)["payload_of"](extra) == payload
