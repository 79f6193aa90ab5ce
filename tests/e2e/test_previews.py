"""A reviewer with three open pull requests, each with a preview at one target: the command line and git alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.previews import Repository
from tests.e2e.project import Project

MAIN = {"TrainFlow.staging.dev", "growth.test.dev.ChurnFlow", "sales.dev"}


OLD = {"TrainFlow.staging", "growth.test.staging.ChurnFlow", "sales"}
DATASTORE = "datastore: ../build/metaflow\n"


def preview(branch: str) -> set[str]:
    return {name.replace("dev", branch) for name in MAIN}


def of(branch: str) -> tuple[str, str]:
    return "--var", f"branch={branch}"


def changes(project: Project, *options: str) -> list[dict[str, Any]]:
    return list(json.loads(project.do("plan", "--env", "staging", "--format", "json", *options))["changes"])


def in_manifests(project: Project, *options: str) -> list[dict[str, Any]]:
    return list(json.loads(project.do("list", "--env", "staging", "--format", "json", *options))["deployments"])


def listed(project: Project, *options: str) -> dict[str, dict[str, Any]]:
    shown = json.loads(project.do("previews", "--env", "staging", "--format", "json", *options))
    return {each["branch"]: each for each in shown["previews"]}


@pytest.fixture
def without_branch(tmp_path: Path) -> Repository:
    """Deployed before the environment had a branch."""
    repository = Repository(tmp_path)
    repository.project.edit("mfdeploy.yaml", "    branch: ${var.branch}\n", "")
    repository.apply()
    repository.project.edit(
        "mfdeploy.yaml", "datastore: ../build/metaflow\n", f"{DATASTORE}    branch: ${{var.branch}}\n"
    )
    return repository


def test_dags_of_the_time_before_get_another_id_by_a_plan_that_says_so(without_branch: Repository) -> None:
    project = without_branch.project
    assert without_branch.dags() == OLD
    # A preview leaves them alone.
    planned = {(each["action"], each["name"]) for each in changes(project, *of("pr_12"))}
    assert planned == {("create", name) for name in preview("pr_12")}
    # The main branch takes them over: the old ids go, and that much has to be allowed.
    planned = {(each["action"], each["name"]) for each in changes(project)}
    assert planned == {*(("create", name) for name in MAIN), *(("delete", name) for name in OLD)}
    text = project.run("plan", "--env", "staging")
    assert "the branch dev is a part of it" in " ".join(text.stdout.split())
    refused = project.run("apply", "--env", "staging", "--yes")
    assert (refused.returncode, "--allow-mass-change" in refused.stderr) == (1, True)
    # Without a name the main branch keeps its ids, and previews have theirs.
    project.edit("mfdeploy.yaml", "branch: dev}", "branch: ''}")
    assert project.pending(env="staging") == {}
    planned = {(each["action"], each["name"]) for each in changes(project, *of("pr_12"))}
    assert planned == {("create", name) for name in preview("pr_12")}
    # Without a default nobody owns them.
    project.edit("mfdeploy.yaml", "branch: ''}", "branch: null}")
    warned = project.run("plan", "--env", "staging", *of("dev"))
    assert "deployed without a branch and belong to none: TrainFlow.staging, " in warned.stderr
    project.do("destroy", "--env", "staging", *of(""), "--yes", "--allow-mass-change")
    assert without_branch.dags() == set()


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """The main branch, and a preview of each of three pull requests."""
    repository = Repository(tmp_path_factory.mktemp("previews"))
    repository.apply()
    for number in (12, 13, 14):
        repository.git("checkout", "-q", "main")
        repository.branch(f"feature/{number}")
        repository.apply(*of(f"pr_{number}"))
    return repository


def test_three_pull_requests_and_their_end(deployed: Repository) -> None:
    project = deployed.project
    assert deployed.dags() == MAIN | preview("pr_12") | preview("pr_13") | preview("pr_14")
    assert project.pending(env="staging") == {}
    assert project.pending(*of("pr_13"), env="staging") == {}

    assert {each["dag_id"] for each in in_manifests(project, *of("pr_12"))} == preview("pr_12")
    assert "sales.pr_12" in {each["dag_id"] for each in in_manifests(project, *of("pr_12"), "--no-flows")}

    # A sensor waits for the DAG of its own branch.
    for branch in ("dev", "pr_12"):
        assert f'external_dag_id="TrainFlow.staging.{branch}"' in (project.dags / f"sales.{branch}.py").read_text()

    # Each has a state by the git branch that it was applied from, whatever the preview is called.
    found = listed(project)
    assert {name: (each["state"], each["git_branches"], each["found"]) for name, each in found.items()} == {
        f"pr_{number}": ("exists", [f"feature/{number}"], "at origin and here") for number in (12, 13, 14)
    }
    assert {dag["name"] for dag in found["pr_12"]["dags"]} == preview("pr_12")

    # One takes a flow out, and changes another: its own go, and nobody else's.
    deployed.git("checkout", "-q", "feature/13")
    project.edit("mfdeploy.yaml", "  sales: {file: flows.py, class: SalesFlow, schedule: none, dag_id: sales}\n", "")
    project.edit("flows.py", "self.seen = self.who", "self.seen = self.who + '!'")
    deployed.commit("less")
    assert {(change["action"], change["name"]) for change in changes(project, *of("pr_13"))} == {
        ("delete", "sales.pr_13"),
        ("update", "TrainFlow.staging.pr_13"),
        ("update", "growth.test.pr_13.ChurnFlow"),
    }
    deployed.apply(*of("pr_13"))
    deployed.git("checkout", "-q", "main")
    assert project.pending(env="staging") == {}
    assert project.pending(*of("pr_12"), env="staging") == {}

    # Each has a history of its own, and a rollback that is.
    history = json.loads(project.do("history", "--env", "staging", *of("pr_13"), "--format", "json"))
    assert [len(entry["changes"]) for entry in history["entries"]] == [3, 3]
    assert history["unrecorded"] == []
    project.do("rollback", history["entries"][1]["id"], "--env", "staging", *of("pr_13"), "--yes")
    assert deployed.dags() == MAIN | preview("pr_12") | preview("pr_13") | preview("pr_14")
    entries = json.loads(project.do("history", "--env", "staging", "--format", "json"))
    assert [len(entry["changes"]) for entry in entries["entries"]] == [3]
    assert entries["unrecorded"] == []

    # One is closed: its preview alone goes.
    project.do("destroy", "--env", "staging", *of("pr_12"), "--yes")
    assert deployed.dags() == MAIN | preview("pr_13") | preview("pr_14")
    assert not [path.name for path in project.dags.iterdir() if "pr_12" in path.name]

    # One is merged and its branch deleted: that preview is gone, and a command destroys what is.
    deployed.delete_branch("feature/13")
    text = project.do("previews", "--env", "staging")
    assert "git branch feature/13: gone (neither at origin nor here)" in text
    assert text.endswith(
        "2 previews, 1 gone.\nTo destroy what is gone: mfdeploy previews --env staging --destroy-gone\n"
    )
    unasked = project.run("previews", "--env", "staging", "--destroy-gone")
    assert (unasked.returncode, "no terminal to ask on" in unasked.stderr) == (1, True)
    assert "growth.test.pr_13.ChurnFlow" in unasked.stdout
    done = json.loads(project.do("previews", "--env", "staging", "--destroy-gone", "--yes", "--format", "json"))
    assert {(change["action"], change["name"]) for change in done["done"]} == {
        ("delete", name) for name in preview("pr_13")
    }
    assert deployed.dags() == MAIN | preview("pr_14")
    assert project.run("previews", "--env", "staging", "--destroy-gone").stderr == "Nothing to destroy.\n"
    assert project.pending(env="staging") == {}
