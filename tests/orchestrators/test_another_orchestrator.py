"""Plan, apply, drift, adoption, history, rollback and the view of a pull request run through any orchestrator."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from deployer.commands.apply import execute, prepare, prepare_rollback
from deployer.commands.destroy import prepare_destroy
from deployer.commands.history import history
from deployer.commands.plan import PlanView, plan
from deployer.commands.render import render
from deployer.commands.site import site
from deployer.commands.validate import validate
from deployer.context import Context
from deployer.errors import DeployError
from deployer.models.selection import Selection
from deployer.orchestrators.registry import ORCHESTRATORS
from deployer.planning.guards import Permissions
from deployer.views.plan_json import plan_to_json
from deployer.views.plan_markdown import plan_to_markdown
from tests.contexts import context
from tests.orchestrators.json_files import JsonFiles
from tests.sources import two_steps

MANIFEST = """\
version: 1
project: growth
environments:
  prod: {orchestrator: %s, target: ../files, compute: local, datastore: ../metaflow, production: true}
flows:
  train: {file: train.py, schedule: "0 3 * * *"%s}
"""
FILE = "TrainFlow@prod.flow.json"


@pytest.fixture
def json_context() -> Context:
    return context(user="ada", orchestrators={**ORCHESTRATORS, "json": JsonFiles})


@pytest.fixture
def selection(tmp_path: Path) -> Selection:
    folder = tmp_path / "deployments"
    folder.mkdir()
    (folder / "train.py").write_text(two_steps("TrainFlow"))
    (folder / "m.yaml").write_text(MANIFEST % ("json", ""))
    return Selection(folder)


def apply(selection: Selection, json_context: Context) -> None:
    result = execute(prepare(selection, json_context), Permissions(mass_change=True), json_context)
    assert not result.failed and not result.warnings


def changes(view: PlanView) -> list[tuple[str, str, list[str]]]:
    return [(each.name, each.action, [reason.word for reason in each.reasons]) for each in view.plan.pending]


def test_a_deployment_is_a_file_of_its_kind(selection: Selection, json_context: Context, tmp_path: Path) -> None:
    assert changes(plan(selection, json_context)) == [("TrainFlow@prod", "create", ["new"])]
    apply(selection, json_context)
    written = json.loads((tmp_path / "files" / FILE).read_text())
    assert json.loads(written["body"])["steps"]["start"]["next"] == ["end"]
    assert written["record"]["name"] == "TrainFlow@prod"
    assert changes(plan(selection, json_context)) == []


def test_an_edit_by_hand_is_drift_and_is_undone(selection: Selection, json_context: Context, tmp_path: Path) -> None:
    apply(selection, json_context)
    file = tmp_path / "files" / FILE
    before = file.read_text()
    file.write_text(before.replace("TrainFlow@prod", "Elsewhere", 1))
    view = plan(selection, json_context, diff=True)
    assert changes(view) == [("TrainFlow@prod", "update", ["drifted"])]
    (edit,) = [reason.edit for change in view.plan.pending for reason in change.reasons if reason.edit]
    assert '+ "name": "Elsewhere",' in edit.lines
    apply(selection, json_context)
    assert json.loads(file.read_text())["body"] == json.loads(before)["body"]


def test_what_is_there_already_is_a_conflict_until_it_is_adopted(
    selection: Selection, json_context: Context, tmp_path: Path
) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / FILE).write_text('{"name": "TrainFlow@prod"}')
    assert changes(plan(selection, json_context)) == [("TrainFlow@prod", "conflict", ["conflict"])]
    apply(replace(selection, adopt=("prod/train",)), json_context)
    assert changes(plan(selection, json_context)) == []


def test_a_name_that_another_file_defines_is_refused(
    selection: Selection, json_context: Context, tmp_path: Path
) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "other.flow.json").write_text('{"name": "TrainFlow@prod"}')
    with pytest.raises(DeployError, match=r"other\.flow\.json at the target already defines"):
        apply(selection, json_context)


def test_history_and_rollback(selection: Selection, json_context: Context, tmp_path: Path) -> None:
    apply(selection, json_context)
    first = (tmp_path / "files" / FILE).read_text()
    (selection.manifests / "m.yaml").write_text(MANIFEST % ("json", ", parameters: {}, max_workers: 7"))
    apply(selection, json_context)
    entries = history(selection, "prod", 10, json_context).entries
    assert [[change.name for change in entry.changes] for entry in entries] == [["TrainFlow@prod"]] * 2
    one = replace(selection, environments=("prod",))
    back = prepare_rollback(one, entries[1].id, json_context)
    assert changes(back.view) == [("TrainFlow@prod", "update", ["rollback", "settings"])]
    assert not execute(back, Permissions(), json_context).failed
    assert json.loads((tmp_path / "files" / FILE).read_text())["body"] == json.loads(first)["body"]


def test_a_pull_request_shows_it(selection: Selection, json_context: Context) -> None:
    view = plan(selection, json_context)
    shown = plan_to_markdown(plan_to_json(view.plan))
    assert "TrainFlow@prod" in shown
    assert "start" in shown


def test_a_catalogue_shows_it(selection: Selection, json_context: Context) -> None:
    apply(selection, json_context)
    result = site(selection, json_context)
    assert [*result.diagnostics] == []
    (deployment,) = result.site.flows[0].deployments
    assert (deployment.name, deployment.state, deployment.url) == ("TrainFlow@prod", "deployed", "")


def test_render_and_destroy(selection: Selection, json_context: Context, tmp_path: Path) -> None:
    assert json.loads(render(selection, "train", "prod", json_context).source)["name"] == "TrainFlow@prod"
    apply(selection, json_context)
    gone = prepare_destroy(selection, json_context)
    assert not execute(gone, Permissions(mass_change=True), json_context).failed
    assert not (tmp_path / "files" / FILE).exists()


@pytest.mark.parametrize(("key", "value"), [("worker_pool", "small"), ("priority", "3"), ("dag_id", "Train")])
def test_a_setting_of_another_orchestrator_is_refused(
    key: str, value: str, selection: Selection, json_context: Context
) -> None:
    (selection.manifests / "m.yaml").write_text(MANIFEST % ("json", f", {key}: {value}"))
    (problem,) = validate(selection, json_context).diagnostics
    assert problem.message == f"'{key}' is a setting of airflow, but this environment runs on json"
    assert problem.path == f"flows.train.{key}"


def test_what_it_cannot_run_is_refused_with_its_line(selection: Selection, json_context: Context) -> None:
    source = (selection.manifests / "train.py").read_text()
    source = source.replace("self.next(self.end)", "self.items = [1]\n        self.next(self.each, foreach='items')")
    body = "\n    @step\n    def each(self):\n        self.next(self.join)\n\n    @step\n    def join(self, inputs):\n"
    source = source.replace("\n    @step\n    def end", f"{body}        self.next(self.end)\n\n    @step\n    def end")
    (selection.manifests / "train.py").write_text(source)
    (problem,) = validate(selection, json_context).diagnostics
    assert problem.message == "step 'start' is a foreach, which a JSON file cannot hold"
    assert problem.location is not None and problem.location.file.endswith("train.py")


def test_an_orchestrator_that_does_not_exist_is_refused(selection: Selection, json_context: Context) -> None:
    (selection.manifests / "m.yaml").write_text(MANIFEST % ("jsn", ""))
    found = validate(selection, json_context).diagnostics
    assert ("unknown orchestrator 'jsn'", "did you mean 'json'?") in [(each.message, each.hint) for each in found]


@pytest.mark.parametrize(("orchestrator", "variable"), [("json", "FLOW_STEP"), ("airflow", "METAFLOW_RUN_ID")])
def test_a_variable_that_each_task_gets_cannot_be_set(
    orchestrator: str, variable: str, selection: Selection, json_context: Context
) -> None:
    (selection.manifests / "m.yaml").write_text(MANIFEST % (orchestrator, ""))
    source = (selection.manifests / "train.py").read_text()
    source = source.replace("import FlowSpec, step", "import FlowSpec, environment, step")
    source = source.replace(
        "    @step\n    def end", f'    @environment(vars={{"{variable}": "1"}})\n    @step\n    def end'
    )
    (selection.manifests / "train.py").write_text(source)
    (problem,) = validate(selection, json_context).diagnostics
    assert problem.message == f"step 'end': @environment sets {variable}, which {orchestrator} sets for every task"
