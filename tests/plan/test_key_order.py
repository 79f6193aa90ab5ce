"""The order of keys in values of users: kept on the way to the DAG file, and another order is a change."""

from __future__ import annotations

import ast
import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deployer.commands.apply import execute, prepare, prepare_rollback
from deployer.commands.plan import make_plan
from deployer.description import explain
from deployer.errors import DeployError
from deployer.models.description import CronSchedule, Description, to_json
from deployer.models.flow import Parameter, Step
from deployer.models.plan import Change, Plan
from deployer.models.selection import Selection
from deployer.orchestrators.airflow import record
from deployer.orchestrators.airflow.effects import effects
from deployer.plan_context import PlanContext
from deployer.planning.guards import Permissions
from deployer.state.history import list_entries
from deployer.views.plan_json import plan_from_text, plan_to_json
from deployer.views.plan_markdown import plan_to_markdown
from deployer.views.plan_text import plan_to_text
from tests.contexts import context
from tests.plan import made

WRITTEN = '{"load": 1, "clean": 2, "fit": {"b": [{"y": 1, "x": 2}], "a": 3}}'
VALUE: dict[str, Any] = json.loads(WRITTEN)
FLOW = f"""\
from metaflow import Config, FlowSpec, JSONType, Parameter, step


class OrderFlow(FlowSpec):
    stages = Parameter("stages", type=JSONType, default={WRITTEN})
    as_text = Parameter("as_text", type=JSONType, default='{WRITTEN}')
    given = Parameter("given", type=JSONType, default="{{}}")
    made = Parameter("made", type=JSONType, default=lambda context: {WRITTEN})
    cfg = Config("cfg", default="stages.json")
    cfg2 = Config("cfg2", default_value={WRITTEN})
    cfg3 = Config("cfg3", default_value={{}})

    @step
    def start(self):
        pass


if __name__ == "__main__":
    OrderFlow()
"""
MANIFEST = f"""\
version: 1
project: repro
environments:
  local: {{target: ../build/dags, compute: local, datastore: ../build/mf}}
flows:
  order:
    file: ../order.py
    parameters: {{given: {WRITTEN}}}
    config_values: {{cfg3: {WRITTEN}}}
"""


@pytest.fixture
def selection(tmp_path: Path) -> Selection:
    (tmp_path / "deployments").mkdir()
    (tmp_path / "order.py").write_text(FLOW)
    (tmp_path / "stages.json").write_text(WRITTEN)
    (tmp_path / "deployments" / "m.yaml").write_text(MANIFEST)
    return Selection(tmp_path / "deployments")


def apply(selection: Selection) -> Path:
    assert not execute(prepare(selection, context()), Permissions(), context()).failed
    return selection.manifests.parent / "build" / "dags" / "OrderFlow.local.py"


def plan(selection: Selection) -> PlanContext:
    return make_plan(selection, context())


def edit(selection: Selection, file: str, old: str, new: str) -> None:
    path = selection.manifests.parent / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def explained(planned: PlanContext) -> list[tuple[str, str]]:
    return [
        (reason.word, field.field)
        for change in planned.plan.changes
        for reason in change.reasons
        for field in reason.fields
    ]


def test_it_is_kept_in_the_dag_file_its_record_and_the_package(selection: Selection) -> None:
    file = apply(selection)
    text = file.read_text()
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    params = [ast.literal_eval(call.args[0]) for call in calls if ast.unparse(call.func) == "Param"]
    assert [json.dumps(value) for value in params] == [WRITTEN] * 4
    found, _ = record.read(text) or pytest.fail("no record")
    values = [found.description.parameters[name].default for name in ("stages", "as_text", "given")]
    values += [found.description.settings.configs[name] for name in ("cfg", "cfg2", "cfg3")]
    assert found.inputs is not None
    assert [json.dumps(value) for value in (*values, found.inputs.parameters["made"])] == [WRITTEN] * 7
    assert [json.dumps(value) for value in _packaged(selection)] == [WRITTEN] * 3


def _packaged(selection: Selection) -> list[Any]:
    for blob in (selection.manifests.parent / "build" / "mf").rglob("*"):
        if blob.is_file() and blob.read_bytes()[:2] == b"\x1f\x8b":
            with tarfile.open(fileobj=io.BytesIO(blob.read_bytes())) as archive:
                for member in archive:
                    content = archive.extractfile(member)
                    data = content.read() if content else b""
                    if data.startswith(b'{"user_configs"'):
                        values = json.loads(data)["user_configs"]
                        return [value[0] if isinstance(value, list) else value for value in values.values()]
    raise AssertionError("no package with Configs")


def test_what_is_deployed_is_not_planned_again(selection: Selection) -> None:
    apply(selection)
    planned = plan(selection)
    assert [change.action for change in planned.plan.changes] == ["none"]
    assert not any(item.compiled for item in planned.desired.items)


def test_another_order_is_a_change(selection: Selection) -> None:
    apply(selection)
    edit(selection, "order.py", '{"load": 1, "clean": 2', '{"clean": 2, "load": 1')
    edit(selection, "deployments/m.yaml", '{"load": 1, "clean": 2', '{"clean": 2, "load": 1')
    edit(selection, "stages.json", '"y": 1, "x": 2', '"x": 2, "y": 1')
    assert explained(plan(selection)) == [
        ("parameters", "parameters.as_text.default"),
        ("parameters", "parameters.given.default"),
        ("parameters", "parameters.stages.default"),
        ("settings", "settings.configs.cfg.fit.b"),
        ("settings", "settings.configs.cfg2"),
        ("settings", "settings.configs.cfg3"),
    ]
    apply(selection)
    assert [change.action for change in plan(selection).plan.changes] == ["none"]


def test_a_saved_plan_is_of_one_order(selection: Selection) -> None:
    text = json.dumps(plan_to_json(plan(selection).plan))
    execute(prepare(selection, context(), saved=plan_from_text(text)), Permissions(), context())
    edit(selection, "deployments/m.yaml", 'given: {"load": 1, "clean": 2', 'given: {"clean": 2, "load": 1')
    text = json.dumps(plan_to_json(plan(selection).plan))
    edit(selection, "deployments/m.yaml", '"y": 1, "x": 2}], "a": 3}}}\n    ', '"x": 2, "y": 1}], "a": 3}}}\n    ')
    with pytest.raises(DeployError, match="no longer give the planned result"):
        prepare(selection, context(), saved=plan_from_text(text))


def test_a_rollback_brings_it_back(selection: Selection) -> None:
    file = apply(selection)
    first = file.read_text()
    (environment,) = plan(selection).environments.values()
    (entry,) = list_entries(context().target(environment), environment.project, environment.name)
    edit(selection, "deployments/m.yaml", 'given: {"load": 1, "clean": 2', 'given: {"clean": 2, "load": 1')
    apply(selection)
    narrow = replace(selection, environments=("local",))
    prepared = prepare_rollback(narrow, entry, context())
    assert ("parameters", "parameters.given.default") in explained(prepared.context)
    execute(prepared, Permissions(), context())
    assert record.body(file.read_text()) == record.body(first)


class TestTheOrderOfLayers:
    """Maps of several layers merge by key, and the strongest says in which order."""

    @pytest.mark.parametrize(
        ("below", "above", "merged"),
        [
            ("{load: 1, clean: 2, fit: 3}", "{fit: 4}", ["load", "clean", "fit"]),
            ("{load: 1, clean: 2, fit: 3}", "{fit: 4, load: 5}", ["fit", "load", "clean"]),
            ("{load: 1, clean: 2}", "{fit: 4}", ["load", "clean", "fit"]),
            ('{"": 1, b: 2, a: 3}', '{a: 3, "": 1}', ["a", "", "b"]),
        ],
    )
    def test_it_is_that_of_the_strongest(self, selection: Selection, below: str, above: str, merged: list[str]) -> None:
        edit(selection, "deployments/m.yaml", f"given: {WRITTEN}", f"given: {above}")
        edit(selection, "deployments/m.yaml", "build/mf}", f"build/mf, parameters: {{given: {below}}}}}")
        (deployment,) = context().load(selection).deployments
        value = deployment.parameters["given"]
        assert isinstance(value, dict)
        assert list(value) == merged


def described(default: Any, version: int = 2) -> Description:
    flow = made.flow(parameters=(Parameter("p", "json", 6, default=default),))
    found = made.desired(compiled=flow).description
    return found.model_copy(update={"renderer": found.renderer.model_copy(update={"version": version})})


def fields(before: Description, after: Description) -> list[tuple[str, Any, Any]]:
    return [(each.field, each.before, each.after) for reason in explain(before, after) for each in reason.fields]


class TestExplanation:
    def test_each_map_is_named_once(self) -> None:
        before, after = {"a": {"x": 1, "y": 2}, "b": 2}, {"a": {"y": 2, "x": 1}, "b": 3}
        found = [name for name, _, _ in fields(described(before), described(after))]
        assert found == ["parameters.p.default.b", "parameters.p.default.a"]

    def test_a_new_key_is_no_other_order(self) -> None:
        found = [name for name, _, _ in fields(described({"a": 1, "b": 2}), described({"a": 1, "x": 3, "b": 2}))]
        assert found == ["parameters.p.default.x"]

    def test_a_key_that_is_null_is_not_a_key_that_is_not_there(self) -> None:
        one, other = {"a": {"x": 1}, "b": 2}, {"a": {"x": 1, "y": None}, "b": 2}
        for before, after in ((one, other), (other, one)):
            found = fields(described(before), described(after))
            assert found == [("parameters.p.default.a", before["a"], after["a"])]

    def test_1_is_neither_true_nor_1_0(self) -> None:
        found = fields(described({"a": 1, "b": [1]}), described({"a": True, "b": [1.0]}))
        assert [name for name, _, _ in found] == ["parameters.p.default.a", "parameters.p.default.b"]

    def test_the_order_of_other_maps_has_no_meaning(self) -> None:
        maps = {"a": "1", "b": "2"}, {"b": "2", "a": "1"}
        steps = [(Step("start", "end", 8, pod={"labels": each}, environment=each),) for each in maps]
        before, after = (made.desired(compiled=made.flow(steps=each)).description for each in steps)
        assert explain(before, after) == []
        parameters = [Parameter(name, "json", 6, default=1) for name in "ab"]
        one, other = (made.desired(compiled=made.flow(parameters=found)) for found in (parameters, parameters[::-1]))
        assert explain(one.description, other.description) == []

    def test_what_an_earlier_renderer_sorted_is_no_change_of_the_user(self) -> None:
        before, after = described({"a": 1, "b": 2}, version=1), described({"b": 2, "a": 1})
        assert [reason.word for reason in explain(before, after)] == ["renderer version"]
        after = described({"b": 2, "a": 3})
        assert [reason.word for reason in explain(before, after)] == ["parameters", "renderer version"]


class TestWords:
    def test_a_plan_says_it_in_words(self, selection: Selection) -> None:
        apply(selection)
        edit(selection, "deployments/m.yaml", 'given: {"load": 1, "clean": 2', 'given: {"clean": 2, "load": 1')
        edit(selection, "stages.json", '"y": 1, "x": 2', '"x": 2, "y": 1')
        prepared = prepare(selection, context())
        shown = plan_to_json(prepared.context.plan)
        text = plan_to_text(shown, width=200)
        assert "given.default: key order: load, clean, fit -> clean, load, fit  deployments/m.yaml:8" in text
        assert "configs.cfg.fit.b: key order: y, x -> x, y" in text
        assert "`given.default: key order`: `load, clean, fit` → `clean, load, fit`" in plan_to_markdown(shown)

    def test_a_hostile_key_is_escaped(self) -> None:
        before, after = described({"\x1b[31m": 1, "b": 2}), described({"b": 2, "\x1b[31m": 1})
        item = made.desired()
        change = replace(_change(item.description), before=before, after=after, reasons=tuple(explain(before, after)))
        shown = plan_to_json(replace(_plan(), changes=(change,)))
        assert "key order: \\x1b[31m, b -> b, \\x1b[31m" in plan_to_text(shown)

    def test_runs_use_the_new_order(self) -> None:
        daily = {"schedule": CronSchedule(kind="cron", cron="0 3 * * *")}
        before, after = (described(value).model_copy(update=daily) for value in ({"a": 1, "b": 2}, {"b": 2, "a": 1}))
        found = effects(replace(_change(before), after=after), None, context().now())
        assert [(each.word, each.names) for each in found] == [("parameters", ("p",))]


def test_a_record_is_the_same_text_whatever_order_its_other_maps_have() -> None:
    item = made.desired()
    mixed = json.loads(json.dumps(to_json(item.description)))
    mixed["settings"] = dict(reversed(mixed["settings"].items()))
    mixed["code"]["files"] = dict(reversed(mixed["code"]["files"].items()))
    other = made.record_of(item, description=Description.model_validate_json(json.dumps(mixed)))
    assert record.write("x\n", other) == record.write("x\n", made.record_of(item))


def _change(before: Description) -> Change:
    return Change("prod/train", "prod", "update", "TrainFlow", "TrainFlow.py", before=before)


def _plan() -> Plan:
    return Plan(())
