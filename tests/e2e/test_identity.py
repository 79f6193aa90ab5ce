"""Who a run is: its namespace, its tags, and that it stays one run however often its tasks are cleared."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.airflow.harness import RUN_VERSIONS, installed, new_home
from tests.e2e.project import MFDEPLOY, OFFLINE, Project

MANIFEST = """
version: 1
project: growth
environments:
  local: {target: ../build/dags, compute: local, datastore: ../build/metaflow}
flows:
  stubborn: {file: stubborn.py}
"""
FLOW = """
from metaflow import FlowSpec, Parameter, current, retry, step


class StubbornFlow(FlowSpec):
    failures = Parameter("failures", default=7)

    @step
    def start(self):
        self.items = [0, 1]
        self.next(self.work, foreach="items")

    @retry(times=1, minutes_between_retries=0)
    @step
    def work(self):
        self.attempt = current.retry_count
        self.item = self.input
        print("attempt", self.attempt, "of", self.item)
        if self.item == 1 and self.attempt < self.failures:
            raise ValueError("not yet")
        self.next(self.join)

    @step
    def join(self, inputs):
        self.attempts = [task.attempt for task in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    StubbornFlow()
"""
READ = """
import json, sys
from metaflow import Flow, namespace

namespace(sys.argv[1])
(run,) = Flow("StubbornFlow")
work = {task.index: task for task in run["work"]}
print(json.dumps({
    "id": run.id,
    "successful": run.successful,
    "tags": sorted(run.tags),
    "attempts": run.data.attempts,
    "current": {index: task.current_attempt for index, task in work.items()},
    "stdout": work[1].stdout,
    "recorded": [each.value for each in sorted(work[1].metadata, key=lambda one: one.created_at)
                 if each.name == "attempt"],
    "tasks": {step.id: len(list(step)) for step in run},
}))
"""


def git(project: Project, *words: str) -> str:
    identity = ("-c", "user.name=ada", "-c", "user.email=ada@example.com")
    command = ["git", "-C", str(project.folder), *identity, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project in a repository of its own, applied from a commit."""
    folder = tmp_path_factory.mktemp("identity")
    project = Project(folder / "project", folder / "home")
    (project.folder / "deployments").mkdir(parents=True)
    (project.folder / "deployments" / "mfdeploy.yaml").write_text(MANIFEST)
    (project.folder / "deployments" / "stubborn.py").write_text(FLOW)
    (project.folder / ".gitignore").write_text("build/\n")
    git(project, "init", "--quiet")
    git(project, "add", ".")
    git(project, "commit", "--quiet", "--message", "first")
    return project


@pytest.fixture(scope="module")
def said(committed: Project) -> str:
    """What the first apply said."""
    return committed.apply()


def token(project: Project) -> str:
    kept = json.loads((project.datastore / ".metaflow" / "mf.airflow" / "StubbornFlow.local").read_text())
    return str(kept["production_token"])


def test_an_apply_says_the_namespace(committed: Project, said: str) -> None:
    lines = " ".join(said.split())
    assert f"created StubbornFlow.local (local/stubborn), namespace production:{token(committed)}" in lines
    assert token(committed).startswith("stubbornflow.local-0-")


def test_token_and_commit_are_in_the_dag_file_and_not_in_what_is_compared(committed: Project, said: str) -> None:
    source = (committed.dags / "StubbornFlow.local.py").read_text()
    commit = git(committed, "rev-parse", "HEAD")
    assert f'"METAFLOW_PRODUCTION_TOKEN": "{token(committed)}"' in source
    assert f"commit:{commit}" in source.partition("MFDEPLOY_RECORD")[0]
    rendered = committed.do("render", "stubborn", "--env", "local")
    assert '"METAFLOW_PRODUCTION_TOKEN": "(known at apply)"' in rendered
    assert "commit:" not in rendered
    described = json.dumps(committed.plan()["local/stubborn"])
    assert token(committed) not in described
    assert commit not in described


def test_a_new_commit_alone_is_no_change(committed: Project, said: str) -> None:
    git(committed, "commit", "--quiet", "--allow-empty", "--message", "second")
    assert committed.pending() == {}


JOB = {
    **OFFLINE,
    "GITHUB_ACTIONS": "true",
    "GITHUB_ACTOR": "grace",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "acme/flows",
    "GITHUB_RUN_ID": "17",
}


def test_the_dag_says_who_applied_and_in_which_job(committed: Project, said: str, tmp_path: Path) -> None:
    project = committed.copy(tmp_path / "project")
    project.edit("mfdeploy.yaml", "stubborn.py}", "stubborn.py, max_workers: 7}")
    page = "https://github.com/acme/flows/actions/runs/17"
    as_job = replace(project, variables=JOB)
    as_job.apply()
    file = project.dags / "StubbornFlow.local.py"
    body = file.read_text().partition("MFDEPLOY_RECORD")[0]
    commit = git(project, "rev-parse", "HEAD")
    assert f"from commit [{commit[:12]}-dirty](<https://github.com/acme/flows/commit/{commit}>) by " in body
    assert "By grace on 20" in body
    assert f"[the job that deployed it](<{page}>)" in body
    assert "applied_by:grace" in body and f"ci:{page}" in body

    # Another person's plan, in another job: nothing to do, and the diff of a change does not say who made the last one.
    elsewhere = replace(project, user="eve", variables={**JOB, "GITHUB_ACTOR": "eve", "GITHUB_RUN_ID": "18"})
    assert elsewhere.pending() == {}
    elsewhere.edit("mfdeploy.yaml", "max_workers: 7", "max_workers: 8")
    diff = elsewhere.do("plan", "--env", "local", "--diff")
    assert "max_active_tis_per_dagrun=8" in diff and "runs/18" not in diff and "eve" not in diff

    # A rollback writes the file as it was, so an edit by hand is told exactly also after it.
    elsewhere.apply()
    entry = json.loads(elsewhere.do("history", "--env", "local", "--format", "json"))["entries"][1]["id"]
    project.do("rollback", entry, "--env", "local", "--yes")
    assert file.read_text().partition("MFDEPLOY_RECORD")[0] == body
    file.write_text(file.read_text().replace("max_active_tis_per_dagrun=7", "max_active_tis_per_dagrun=9"))
    project.edit("mfdeploy.yaml", "max_workers: 8", "max_workers: 7")
    (reason,) = [each for each in project.plan()["local/stubborn"]["reasons"] if each["word"] == "drifted"]
    assert reason["edit"]["exact"]
    assert sum(line.startswith(("+", "-")) for line in reason["edit"]["lines"]) == 2


def test_a_diff_keeps_the_token(committed: Project, said: str, tmp_path: Path) -> None:
    project = committed.copy(tmp_path / "project")
    project.edit("mfdeploy.yaml", "stubborn.py}", "stubborn.py, max_workers: 7}")
    diff = project.do("plan", "--env", "local", "--diff")
    assert "max_active_tis_per_dagrun=7" in diff
    assert "PRODUCTION_TOKEN" not in "".join(line for line in diff.splitlines() if line.lstrip().startswith(("+", "-")))


@dataclass(frozen=True)
class Cleared:
    """A run whose failed task was cleared: Airflow's account, and Metaflow's of the run in the DAG's namespace."""

    outcome: Mapping[str, Any]
    run: Mapping[str, Any]
    project: Project


@pytest.fixture(scope="module", params=RUN_VERSIONS)
def cleared(request: pytest.FixtureRequest, committed: Project, tmp_path_factory: pytest.TempPathFactory) -> Cleared:
    folder = tmp_path_factory.mktemp("cleared")
    project = committed.copy(folder / "project")
    shutil.rmtree(project.folder / "build", ignore_errors=True)
    project.apply()
    home = new_home(installed(request.param), folder / "airflow", project.dags)
    # Two tries, and two more each time that it is cleared: the last is the eighth.
    (outcome,) = home.ask([{"dag_id": "StubbornFlow.local", "clears": 3}])["runs"]
    done = with_env(project, folder, f'exec "$PYTHON" -c {shlex.quote(READ)} "$MFDEPLOY_NAMESPACE"')
    assert done.returncode == 0, done.stderr + home.log
    return Cleared(outcome, json.loads(done.stdout), project)


def with_env(project: Project, folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    """A command in a shell that has evaluated `mfdeploy env`, of a user whose Metaflow is set up otherwise."""
    elsewhere = folder / "elsewhere" / ".metaflowconfig"
    elsewhere.mkdir(parents=True, exist_ok=True)
    (elsewhere / "config.json").write_text(
        '{"METAFLOW_DEFAULT_METADATA": "service", "METAFLOW_DEFAULT_DATASTORE": "s3"}'
    )
    environ = {
        **project.environ(),
        "HOME": str(elsewhere.parent),
        "METAFLOW_PROFILE": "no-such-profile",
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(elsewhere.parent),
        "PYTHON": sys.executable,
    }
    manifests = shlex.quote(str(project.folder / "deployments"))
    script = f'eval "$({shlex.quote(str(MFDEPLOY))} env stubborn -m {manifests})" && {command}'
    return subprocess.run(["bash", "-c", script], env=environ, cwd=folder, capture_output=True, text=True)


@pytest.mark.airflow
class TestClearing:
    def test_a_cleared_task_continues_its_run(self, cleared: Cleared) -> None:
        assert cleared.outcome["state"] == "success"
        assert cleared.run["successful"]
        assert cleared.run["tasks"] == {"start": 1, "work": 2, "join": 1, "end": 1}

    def test_the_newest_attempt_is_found_beyond_what_metaflow_counts(self, cleared: Cleared) -> None:
        assert cleared.run["attempts"] == [0, 7]
        assert cleared.run["current"] == {"0": 0, "1": 7}
        assert cleared.run["recorded"] == [str(attempt) for attempt in range(8)]
        assert cleared.run["stdout"] == "attempt 7 of 1\n"

    def test_env_has_metaflow_resume_a_run(self, cleared: Cleared, tmp_path: Path) -> None:
        flow = shlex.quote(str(cleared.project.folder / "deployments" / "stubborn.py"))
        command = f'exec "$PYTHON" {flow} --no-pylint resume join --origin-run-id {cleared.run["id"]}'
        done = with_env(cleared.project, tmp_path, command)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Done!" in done.stdout

    def test_tags_say_where_a_run_comes_from(self, cleared: Cleared, committed: Project) -> None:
        commits = [tag for tag in cleared.run["tags"] if tag.startswith("commit:")]
        assert commits == [f"commit:{git(committed, 'rev-parse', 'HEAD')}"]
        assert {"mfdeploy", "env:local", "runtime:airflow"} <= set(cleared.run["tags"])
