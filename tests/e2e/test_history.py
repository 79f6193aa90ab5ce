"""What was applied is told, and an earlier state comes back: the command line on the example deployments."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from deployer.commands.schema import schema
from deployer.orchestrators.airflow import record
from tests.e2e.project import Project

HOURLY = "HourlyFlow.local.py"


def entries(project: Project, *options: str) -> list[dict[str, Any]]:
    shown = json.loads(project.do("history", "--env", "local", "--format", "json", *options))
    jsonschema.validate(shown, schema("history"))
    return list(shown["entries"])


def files(project: Project) -> dict[str, str]:
    """The DAG files without their records."""
    return {path.name: record.body(path.read_text()) for path in project.dags.glob("*.py")}


@pytest.fixture
def changed(applied: Project, tmp_path: Path) -> Project:
    """The examples with two applies: grace edited one flow and took another one out."""
    applied.edit("flows/hourly/hourly.py", "time is", "the time is")
    applied.edit("graphs.yaml", "  compare_models:\n    file: flows/compare_models/compare_models.py\n", "")
    applied.as_user("grace", tmp_path / "grace").apply()
    return applied


def test_the_history_tells_who_did_what(changed: Project) -> None:
    newest, first = entries(changed)
    assert (newest["applied_by"], first["applied_by"]) == ("grace", changed.user)
    done = {change["address"]: (change["action"], change["outcome"]) for change in newest["changes"]}
    assert done == {"local/hourly": ("update", "done"), "local/compare_models": ("delete", "done")}
    assert [reason["word"] for reason in newest["changes"][0]["reasons"]]
    text = changed.do("history", "--env", "local", "--flow", "hourly", "--limit", "1")
    assert "~ local/hourly  code" in text
    assert "compare_models" not in text
    assert text.endswith("1 entry; 1 older not shown.\n")


def test_an_earlier_state_comes_back(changed: Project, applied_once: Project) -> None:
    back = entries(changed)[-1]["id"]
    assert changed.run("rollback", back, "--env", "local").returncode == 1  # there is nobody to ask
    changed.do("rollback", back, "--env", "local", "--yes")
    assert files(changed) == files(applied_once)
    pending = changed.plan()
    assert {address: change["action"] for address, change in pending.items() if change["action"] != "none"} == {
        "local/hourly": "update",
        "local/compare_models": "delete",
    }
    assert [reason["word"] for reason in pending["local/hourly"]["reasons"]] == ["restored", "code"]
    assert f"rolled back to {back} by ada at " in pending["local/hourly"]["reasons"][0]["note"]
    assert (entries(changed)[0]["command"], entries(changed)[0]["restored"]) == ("rollback", back)


def test_it_needs_nothing_of_the_code(changed: Project, applied_once: Project) -> None:
    changed.flow_file("hourly").write_text("this is no Python")
    changed.do("rollback", entries(changed)[-1]["id"], "--env", "local", "--flow", "hourly", "--yes")
    assert files(changed)[HOURLY] == files(applied_once)[HOURLY]
    assert "CompareModelsFlow.local.py" not in files(changed)


def test_its_plan_can_be_saved_and_applied(changed: Project, applied_once: Project) -> None:
    before = files(changed)
    changed.do("rollback", entries(changed)[-1]["id"], "--env", "local", "--out", "back.json")
    assert files(changed) == before
    changed.do("apply", "back.json", "--allow-rollback")
    assert files(changed) == files(applied_once)
    assert "was changed since the plan was made" in changed.run("apply", "back.json", "--allow-rollback").stderr


def test_a_state_that_is_not_known_is_refused(changed: Project) -> None:
    back = entries(changed)[-1]["id"]
    newest = next(changed.dags.glob(f".mfdeploy.*.{entries(changed)[0]['id']}.json"))
    newest.unlink()
    done = changed.run("rollback", back, "--env", "local", "--yes")
    assert done.returncode == 1
    assert "grace applied it at" in done.stderr
    assert "2 errors" in done.stderr
    assert "local/hourly" in changed.do("history", "--env", "local").partition("that has no entry")[2]


def test_an_unknown_entry_is_refused(applied_once: Project) -> None:
    done = applied_once.run("rollback", "20200101T", "--env", "local")
    assert (done.returncode, done.stdout) == (1, "")
    assert "the history has no entry '20200101T'" in done.stderr


def test_a_guarded_environment_is_applied_from_its_branches(applied: Project) -> None:
    applied.edit("mfdeploy.yaml", "  local:\n", "  local:\n    branches: [main, release/*]\n")
    applied.edit("flows/hourly/hourly.py", "time is", "the time is")
    for words in (["init", "-q"], ["checkout", "-q", "-b", "fix"]):
        subprocess.run(["git", *words], cwd=applied.folder, check=True)
    assert "warning: environments.local.branches" in applied.run("plan", "--env", "local").stderr
    refused = applied.run("apply", "--env", "local", "--yes")
    assert refused.returncode == 1
    assert "local can be applied only from main or release/*, but the current branch is fix" in refused.stderr
    applied.apply("--allow-branch")
    applied.edit("flows/hourly/hourly.py", "the time is", "it is")
    subprocess.run(["git", "checkout", "-q", "-b", "release/2"], cwd=applied.folder, check=True)
    applied.apply()
