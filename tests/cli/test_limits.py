"""What a platform's projects file refuses: of plans, applies, adoptions and rollbacks, in the process of the tests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deployer import cli
from deployer.commands.apply import execute, prepare
from deployer.errors import DeployError
from deployer.models.limits import PROJECTS_FILE
from deployer.models.selection import Selection
from deployer.planning.guards import Permissions
from tests.cli.conftest import edit_manifest
from tests.contexts import context

Capture = pytest.CaptureFixture[str]
OTHER = """\
version: 1
project: finance
environments:
  local: {target: ../build/dags, compute: local, datastore: ../build/metaflow}
flows:
  report: {file: ../flows/train.py, dag_id: report}
"""


def run(capsys: Capture, *arguments: str, code: int = 0) -> str:
    capsys.readouterr()
    assert cli.run([*arguments]) == code, capsys.readouterr()
    said = capsys.readouterr()
    return said.out + said.err


def limit(folder: Path, text: str, file: str = f"build/dags/{PROJECTS_FILE}") -> None:
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"version: 1\nprojects:\n  growth: {text}\n")


def dags(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "build" / "dags").glob("*.py"))


def test_a_plan_is_refused_with_each_setting_at_its_line(project: Path, capsys: Capture) -> None:
    limit(project, "{environments: [prod], names: [growth.*], compute: [kubernetes], pools: [growth]}")
    edit_manifest(project, "environments: [local]", "environments: [local], worker_pool: large, dag_id: train")
    plan = json.loads(run(capsys, "plan", "--env", "local", "--format", "json", code=1))
    found = [(each["origin"], each["message"].partition(" is not")[0]) for each in plan["violations"]]
    assert found == [
        ("deployments/mfdeploy.yaml:4:3", "the environment 'local'"),
        ("deployments/mfdeploy.yaml:7:87", "the DAG id 'train'"),
        ("deployments/mfdeploy.yaml:4:43", "the compute 'local'"),
        ("deployments/mfdeploy.yaml:7:72", "the pool 'large'"),
    ]
    assert {(each["address"], each["severity"]) for each in plan["violations"]} == {("local/train", "error")}
    of = "ask whoever owns build/dags/mfdeploy-projects.yaml"
    assert plan["violations"][0]["hint"] == f"use an allowed one, or {of}:3:26 to add it"
    assert "4 policy violations: an apply is refused." in run(capsys, "plan", "--env", "local", code=1)
    said = run(capsys, "apply", "--env", "local", "--yes", code=1)
    assert "7:72: error: local/train: violates mfdeploy-projects.yaml: the pool 'large' is not allowed" in said
    assert not (project / "build" / "metaflow").exists(), "no code package was stored"
    assert dags(project) == []


@pytest.mark.slow
def test_a_project_that_is_not_listed_deploys_nothing(project: Path, capsys: Capture) -> None:
    (project / "build" / "dags").mkdir(parents=True)
    file = project / "build" / "dags" / PROJECTS_FILE
    file.write_text("version: 1\nprojects: {Growth: {}}\n")
    said = run(capsys, "apply", "--env", "local", "--yes", code=1)
    assert "mfdeploy-projects.yaml does not list the project 'growth'" in said
    assert "did you mean 'Growth'?" in said
    file.write_text("version: 1\nprojects: {Growth: {}}\nothers: allow\n")
    assert "1 to create" in run(capsys, "plan", "--env", "local")


@pytest.mark.parametrize("text", ["", "version: 3\n"])
def test_a_broken_file_refuses_every_plan_and_no_destroy(text: str, deployed: Path, capsys: Capture) -> None:
    (deployed / "build" / "dags" / PROJECTS_FILE).write_text(text)
    assert "build/dags/mfdeploy-projects.yaml:1" in run(capsys, "plan", "--env", "local", code=1)
    assert "1 deleted" in run(capsys, "destroy", "--env", "local", "--yes")


@pytest.mark.slow
def test_what_does_not_change_is_a_warning_and_what_does_is_refused(deployed: Path, capsys: Capture) -> None:
    limit(deployed, "{pools: [growth]}")
    said = " ".join(run(capsys, "plan", "--env", "local").split())
    assert "warning local/train: mfdeploy-projects.yaml: the pool 'default_pool' is not allowed" in said
    assert "No changes" in said
    edit_manifest(deployed, "tags: [nightly]", "tags: [weekly]")
    assert "1 policy violation: an apply is refused" in run(capsys, "plan", "--env", "local", code=1)
    edit_manifest(deployed, "tags: [weekly]", "tags: [weekly], worker_pool: growth")
    assert "1 to update" in run(capsys, "plan", "--env", "local")


def test_deletes_are_always_allowed(deployed: Path, capsys: Capture) -> None:
    (deployed / "build" / "dags" / PROJECTS_FILE).write_text("version: 1\n")
    edit_manifest(
        deployed, "flows:\n  train: {file: ../flows/train.py, environments: [local], tags: [nightly]}", "flows: {}"
    )
    said = run(capsys, "apply", "--env", "local", "--yes")
    assert "does not list the project 'growth'" in said
    assert "1 deleted" in said


def test_a_saved_plan_is_held_against_the_file_as_it_is_now(deployed: Path, capsys: Capture) -> None:
    limit(deployed, "{}")
    edit_manifest(deployed, "tags: [nightly]", "tags: [weekly]")
    run(capsys, "plan", "--env", "local", "--out", "plan.json")
    limit(deployed, "{names: [growth.*]}")
    said = run(capsys, "apply", "plan.json", code=1)
    assert "the DAG id 'TrainFlow.local' is not allowed to the project 'growth' (names: growth.*)" in said


def test_a_file_that_is_replaced_while_somebody_confirms_ends_the_apply(deployed: Path) -> None:
    limit(deployed, "{}")
    edit_manifest(deployed, "tags: [nightly]", "tags: [weekly]")
    prepared = prepare(Selection(Path("deployments"), environments=("local",)), context())
    limit(deployed, "{names: [growth.*]}")
    with pytest.raises(DeployError, match=r"mfdeploy-projects\.yaml was changed since the plan was made"):
        execute(prepared, Permissions(), context())
    (deployed / "build" / "dags" / PROJECTS_FILE).unlink()
    with pytest.raises(DeployError, match=r"mfdeploy-projects\.yaml was changed since the plan was made"):
        execute(prepared, Permissions(), context())


def test_a_rollback_restores_nothing_that_is_not_allowed_any_more(deployed: Path, capsys: Capture) -> None:
    first = json.loads(run(capsys, "history", "--env", "local", "--format", "json"))["entries"][-1]["id"]
    limit(deployed, "{pools: [growth]}")
    said = run(capsys, "rollback", first, "--env", "local", "--yes", code=1)
    assert "error: local/train: violates mfdeploy-projects.yaml: the pool 'default_pool' is not allowed" in said
    limit(deployed, "{pools: [default_pool]}")
    assert "1 updated" in run(capsys, "rollback", first, "--env", "local", "--yes")


def test_nobody_adopts_what_the_names_do_not_allow(deployed: Path, capsys: Capture) -> None:
    (deployed / "other").mkdir()
    (deployed / "other" / "m.yaml").write_text(OTHER.replace("dag_id: report", "dag_id: TrainFlow.local"))
    file = deployed / "build" / "dags" / PROJECTS_FILE
    file.write_text("version: 1\nprojects:\n  growth: {}\n  finance: {names: [finance.*]}\n")
    said = run(capsys, "apply", "--manifests", "other", "--adopt", "local/report", "--yes", code=1)
    assert "the DAG id 'TrainFlow.local' is not allowed to the project 'finance' (names: finance.*)" in said


@pytest.mark.slow
def test_a_file_of_the_command_line_counts_beside_that_at_the_target(
    project: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(project, "{pools: [default_pool]}")
    limit(project, "{pools: [growth]}", "platform.yaml")
    said = run(capsys, "plan", "--env", "local", "--projects", "platform.yaml", code=1)
    assert "ask whoever owns platform.yaml:3:19" in said
    monkeypatch.setenv("MFDEPLOY_PROJECTS", "platform.yaml")
    edit_manifest(project, "environments: [local]", "environments: [local], worker_pool: growth")
    said = run(capsys, "apply", "--env", "local", "--yes", code=1)
    assert "ask whoever owns build/dags/mfdeploy-projects.yaml:3:19" in said
    monkeypatch.setenv("MFDEPLOY_PROJECTS", "missing.yaml")
    assert "missing.yaml:1: error: the projects file cannot be read" in run(capsys, "plan", code=1)
