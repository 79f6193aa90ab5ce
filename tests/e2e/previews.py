"""A repository with an origin, and flows that are deployed to an environment with a branch."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.e2e.project import Project

MANIFEST = """\
version: 1
project: growth
variables: {branch: dev}
environments:
  staging:
    target: ../build/dags
    compute: local
    datastore: ../build/metaflow
    branch: ${var.branch}
flows:
  train: {file: flows.py, class: TrainFlow, schedule: none}
  churn: {file: flows.py, class: ChurnFlow, schedule: none}
  sales: {file: flows.py, class: SalesFlow, schedule: none, dag_id: sales}
"""
FLOWS = """\
from metaflow import FlowSpec, Parameter, airflow_external_task_sensor, project, step


class TrainFlow(FlowSpec):
    who = Parameter("who", default="nobody")

    @step
    def start(self):
        self.seen = self.who
        self.next(self.end)

    @step
    def end(self):
        pass


@airflow_external_task_sensor(name="upstream", external_dag_id="TrainFlow.staging")
class SalesFlow(TrainFlow):
    pass


@project(name="growth")
class ChurnFlow(TrainFlow):
    pass


if __name__ == "__main__":
    TrainFlow()
"""


class Repository:
    """A checkout of a repository with a bare one as its origin."""

    def __init__(self, folder: Path) -> None:
        self.project = Project(folder / "project", folder / "home")
        self.origin = folder / "origin.git"
        deployments = self.project.folder / "deployments"
        deployments.mkdir(parents=True)
        (deployments / "mfdeploy.yaml").write_text(MANIFEST)
        (deployments / "flows.py").write_text(FLOWS)
        (self.project.folder / ".gitignore").write_text("build/\n")
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(self.origin)], check=True)
        self.git("init", "-q", "-b", "main")
        self.git("remote", "add", "origin", str(self.origin))
        self.commit("first")

    def git(self, *arguments: str) -> None:
        identity = ["-c", "user.name=ada", "-c", "user.email=ada@example.com"]
        subprocess.run(
            ["git", *identity, *arguments],
            cwd=self.project.folder,
            env={"PATH": os.environ["PATH"], "HOME": str(self.project.home)},
            check=True,
            capture_output=True,
        )

    def commit(self, message: str) -> None:
        self.git("add", "--all")
        self.git("commit", "-q", "-m", message)
        self.git("push", "-q", "origin", "HEAD")

    def branch(self, name: str) -> None:
        """A new branch of what is checked out, also at origin."""
        self.git("checkout", "-q", "-b", name)
        self.git("push", "-q", "origin", name)

    def delete_branch(self, name: str) -> None:
        self.git("checkout", "-q", "main")
        self.git("branch", "-q", "-D", name)
        self.git("push", "-q", "origin", "--delete", name)

    def apply(self, *options: str) -> None:
        self.project.do("apply", "--env", "staging", "--yes", *options)

    def dags(self) -> set[str]:
        return {path.stem for path in self.project.dags.glob("*.py")}
