"""Two previews of one flow that run at the same time in a real Airflow, each with a namespace of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from tests.airflow.harness import installed, new_home, versions
from tests.e2e.previews import Repository

pytestmark = pytest.mark.airflow

# The first steps wait for each other: neither run ends before the other one has begun.
FLOWS = """\
import time
from pathlib import Path

from metaflow import Flow, FlowSpec, Parameter, get_namespace, project, step


class TrainFlow(FlowSpec):
    who = Parameter("who", default="nobody")
    meeting = Parameter("meeting", default="")

    @step
    def start(self):
        met = Path(self.meeting)
        (met / self.who).touch()
        limit = time.monotonic() + 300
        while len(list(met.iterdir())) < 2:
            assert time.monotonic() < limit, "the other one did not come"
            time.sleep(0.05)
        self.next(self.end)

    @step
    def end(self):
        self.namespace = get_namespace()
        self.latest = Flow(type(self).__name__).latest_run.id


@project(name="growth")
class ChurnFlow(TrainFlow):
    pass


if __name__ == "__main__":
    TrainFlow()
"""
CLIENT = """\
import json, sys
from metaflow import Flow, namespace

found = {}
for flow, name in json.loads(sys.argv[1]):
    namespace(name)
    runs = list(Flow(flow))
    found[f"{flow} {name}"] = {
        "runs": [run.id for run in runs],
        "latest": Flow(flow).latest_run.id,
        "who": [run["start"].task["who"].data for run in runs],
        "seen": [(run["end"].task["namespace"].data, run["end"].task["latest"].data) for run in runs],
        "tags": sorted(tag for run in runs for tag in run.tags if "branch" in tag),
    }
print(json.dumps(found))
"""
PREVIEWS = ("pr_12", "pr_13")
IDS = {"TrainFlow": "TrainFlow.staging.{}", "ChurnFlow": "growth.test.{}.ChurnFlow"}


@dataclass(frozen=True)
class Ran:
    """The namespace of each DAG, how the runs of each preview ended, and what Metaflow says in each namespace."""

    namespaces: Mapping[str, str]
    states: Mapping[str, str]
    seen: Mapping[str, Mapping[str, Any]]

    def of(self, flow: str, branch: str) -> Mapping[str, Any]:
        return self.seen[f"{flow} {self.namespaces[IDS[flow].format(branch)]}"]


@pytest.fixture(scope="module", params=versions("2.11.2"))
def ran(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    folder = tmp_path_factory.mktemp("at-once")
    repository = Repository(folder)
    project = repository.project
    project.edit("mfdeploy.yaml", "  sales: {file: flows.py, class: SalesFlow, schedule: none, dag_id: sales}\n", "")
    (project.folder / "deployments" / "flows.py").write_text(FLOWS)
    namespaces: dict[str, str] = {}
    for branch in PREVIEWS:
        done = project.do("apply", "--env", "staging", "--var", f"branch={branch}", "--yes", "--format", "json")
        namespaces |= {change["name"]: change["namespace"] for change in json.loads(done)["done"]}

    def run(branch: str) -> dict[str, str]:
        """One Airflow for each, since one runs a DAG after the other."""
        home = new_home(installed(request.param), folder / f"airflow-{branch}", project.dags)
        asked = [{"dag_id": name.format(branch), "conf": conf(flow, branch)} for flow, name in IDS.items()]
        states = {each["dag_id"]: each["state"] for each in home.ask(asked)["runs"]}
        assert set(states.values()) == {"success"}, home.log
        return states

    def conf(flow: str, branch: str) -> dict[str, str]:
        (folder / flow).mkdir(exist_ok=True)
        return {"who": branch, "meeting": str(folder / flow)}

    with ThreadPoolExecutor() as both:
        states = {name: state for found in both.map(run, PREVIEWS) for name, state in found.items()}
    pairs = [(flow, namespaces[name.format(branch)]) for flow, name in IDS.items() for branch in PREVIEWS]
    variables = {
        **project.environ(),
        "METAFLOW_DEFAULT_METADATA": "local",
        "METAFLOW_DEFAULT_DATASTORE": "local",
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(project.datastore),
    }
    command = [sys.executable, "-c", CLIENT, json.dumps(pairs)]
    answer = subprocess.run(command, env=variables, cwd=folder, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    return Ran(namespaces, states, json.loads(answer.stdout))


def test_both_run_to_their_end(ran: Ran) -> None:
    assert ran.states == {name.format(branch): "success" for name in IDS.values() for branch in PREVIEWS}


def test_each_has_a_namespace_of_its_own(ran: Ran) -> None:
    assert len(set(ran.namespaces.values())) == len(ran.namespaces) == 4


@pytest.mark.parametrize("flow", IDS)
def test_each_finds_its_own_runs_alone(ran: Ran, flow: str) -> None:
    first, second = (ran.of(flow, branch) for branch in PREVIEWS)
    assert (first["who"], second["who"]) == (["pr_12"], ["pr_13"])
    assert first["runs"] == [first["latest"]] != second["runs"] == [second["latest"]]
    # Also from within: a step that asks for the latest run gets its own.
    for branch, found in zip(PREVIEWS, (first, second), strict=True):
        assert found["seen"] == [[ran.namespaces[IDS[flow].format(branch)], found["latest"]]]


def test_the_runs_say_their_branch(ran: Ran) -> None:
    assert ran.of("TrainFlow", "pr_12")["tags"] == ["branch:pr_12"]
    assert ran.of("ChurnFlow", "pr_13")["tags"] == ["branch:pr_13", "project_branch:test.pr_13"]
