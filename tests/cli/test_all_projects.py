"""mfdeploy list --all-projects, in the process of the tests."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from deployer.models.limits import PROJECTS_FILE
from deployer.views.inventory import inventory_schema
from tests.cli.conftest import edit_manifest
from tests.cli.test_limits import run

Capture = pytest.CaptureFixture[str]


def test_everything_at_a_target_is_listed_without_a_look_at_any_flow(deployed: Path, capsys: Capture) -> None:
    (deployed / "flows" / "train.py").write_text("not Python")
    (deployed / "build" / "dags" / "helper.py").write_text("X = 1\n")
    (deployed / "build" / "dags" / PROJECTS_FILE).write_text("version: 1\nprojects: {finance: {}}\n")
    edit_manifest(deployed, "  train:", "  score:")
    data = json.loads(run(capsys, "list", "--all-projects", "--env", "local", "--format", "json"))
    jsonschema.validate(data, inventory_schema())
    (target,) = data["targets"]
    (project,) = target["projects"]
    (dag,) = project["dags"]
    assert (target["projects_file"], project["listed"]) == ("build/dags/mfdeploy-projects.yaml", False)
    assert (dag["address"], dag["applied_by"], dag["orphaned"]) == ("local/train", "ada", True)
    assert [mark["word"] for mark in dag["marks"]] == ["unlisted", "project unlisted"]
    assert [each["file"] for each in target["others"]] == ["helper.py"]
    page = run(capsys, "list", "--all-projects", "--format", "html")
    assert "Nobody owns 1 of them any more" in page
    assert '<span class="badge bad">no owner</span> these manifests do not list it any more; the project growth' in page
    said = run(capsys, "list", "--all-projects")
    assert "growth  1 DAG, these manifests, not in the projects file" in said
    assert "../build/guarded  guarded" in said


def test_a_broken_projects_file_is_a_warning_and_patterns_are_those_of_records(deployed: Path, capsys: Capture) -> None:
    (deployed / "build" / "dags" / PROJECTS_FILE).write_text("version: 2\n")
    said = run(capsys, "list", "--all-projects", "--flow", "train")
    assert "build/dags/mfdeploy-projects.yaml:1:10: warning: version: expected 1, found the number 2" in said
    assert "1 DAG of 1 project. Each DAG has an owner" in said
    assert "did you mean 'train'?" in run(capsys, "list", "--all-projects", "--flow", "trian", code=1)
    assert "--no-flows does not go with --all-projects" in run(capsys, "list", "--all-projects", "--no-flows", code=1)
