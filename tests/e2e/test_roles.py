"""What four people do, with the command line alone: here the author's first deployment, and a review.

The other two have tests of their own: previews in `test_previews`, and a failed run that is resumed on somebody's
machine in `test_airflow` and `test_identity`.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.previews import Repository
from tests.e2e.project import Project

FLOW = """\
from metaflow import FlowSpec, Parameter, step


class {name}Flow(FlowSpec):
    rate = Parameter("rate", default=0.1)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        print(self.rate)


if __name__ == "__main__":
    {name}Flow()
"""
MANIFEST = """\
version: 1
project: growth
environments:
  staging: {target: ../build/dags, compute: local, datastore: ../build/metaflow}
flows:
  train: {file: train/flow.py, schedule: none}
  churn: {file: churn/flow.py, schedule: none}
  sales: {file: sales/flow.py, schedule: none}
"""
FLOWS = ("train", "churn", "sales")


def test_an_author_deploys_a_first_flow(tmp_path: Path) -> None:
    project = Project(tmp_path / "repository", tmp_path / "home")
    (project.folder / "flows").mkdir(parents=True)
    (project.folder / "flows" / "train.py").write_text(FLOW.format(name="Train"))
    project.do("init")
    (listed,) = json.loads(project.do("list", "--format", "json"))["deployments"]
    plan = project.do("plan")
    assert f"+ {listed['environment']}/" in plan
    assert "1 to create" in plan
    assert "created" in project.do("apply", "--yes")
    assert "No changes" in project.do("plan")
    assert "1 unchecked" in project.do("status")
    name = listed["address"].partition("/")[2]
    assert "METAFLOW_DATASTORE_SYSROOT_LOCAL" in project.do("env", name)
    assert len(json.loads(project.do("history", "--format", "json"))["entries"]) == 1


@pytest.fixture
def reviewed(tmp_path: Path) -> Repository:
    """Three flows are deployed, and the change of one of them was planned and reviewed on a branch."""
    repository = Repository(tmp_path)
    deployments = repository.project.folder / "deployments"
    (deployments / "flows.py").unlink()
    for name in FLOWS:
        (deployments / name).mkdir()
        (deployments / name / "flow.py").write_text(FLOW.format(name=name.title()))
    (deployments / "mfdeploy.yaml").write_text(MANIFEST)
    repository.commit("three flows")
    repository.apply()
    repository.branch("slower")
    repository.project.edit("train/flow.py", "default=0.1", "default=0.01")
    repository.commit("a lower rate")
    repository.project.do("plan", "--env", "staging", "--out", str(tmp_path / "plan.json"))
    repository.git("checkout", "-q", "main")
    return repository


def merge_others(repository: Repository) -> None:
    """Two other pull requests are merged and applied, one after the other."""
    for name in ("churn", "sales"):
        repository.project.edit(f"{name}/flow.py", "default=0.1", "default=0.5")
        repository.commit(f"another {name}")
        repository.apply()


def test_a_reviewed_plan_is_applied_after_two_others_were_merged(reviewed: Repository, tmp_path: Path) -> None:
    merge_others(reviewed)
    reviewed.git("merge", "-q", "--no-edit", "slower")
    project, plan = reviewed.project, str(tmp_path / "plan.json")
    done = project.do("apply", "--env", "staging", "--reviewed", plan, "--yes")
    assert "0 created, 1 updated, 0 deleted." in done
    assert project.pending(env="staging") == {}


def test_what_was_not_reviewed_is_not_applied(reviewed: Repository, tmp_path: Path) -> None:
    merge_others(reviewed)
    reviewed.git("merge", "-q", "--no-edit", "slower")
    project, plan = reviewed.project, str(tmp_path / "plan.json")
    project.edit("train/flow.py", "default=0.01", "default=0.9")
    reviewed.commit("more than was reviewed")
    done = project.run("apply", "--env", "staging", "--reviewed", plan, "--yes")
    assert done.returncode == 1
    assert "staging/train" in done.stdout + done.stderr
    assert "nothing was applied" in done.stderr
    assert project.pending(env="staging") == {"staging/train": "update"}
