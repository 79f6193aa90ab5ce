"""Flows run twice: by Metaflow on this machine, and by an Airflow from the DAG files that mfdeploy makes of them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.airflow.harness import installed, new_home
from tests.e2e.project import Project

CLIENT = Path(__file__).parents[1] / "e2e" / "client.py"
MANIFEST = """\
version: 1
project: graphs
environments:
  local: {target: ../build/dags, compute: local, datastore: ../build/metaflow, production: true}
flows:
"""


@dataclass(frozen=True)
class Ran:
    """What an Airflow says of each DAG's run, and Metaflow's Client of the run of Airflow and of its own."""

    outcomes: Mapping[str, Mapping[str, Any]]
    by_airflow: Mapping[str, Mapping[str, Any]]
    by_metaflow: Mapping[str, Mapping[str, Any]]

    def states(self, flow: str, step: str) -> list[str]:
        """The states of a step's tasks in Airflow, by map index."""
        return [task["state"] for task in self.outcomes[flow]["tasks"] if task["task_id"] == step]

    def artifacts(self, flow: str, step: str) -> list[dict[str, Any]]:
        """The artifacts of a step's tasks in the run of Airflow, by their place in the foreach."""
        tasks = self.by_airflow[flow]["steps"][step]
        return [task["artifacts"] for task in sorted(tasks, key=_place)]


def class_name(file: Path) -> str:
    """By convention of the flows here: nested_two.py holds NestedTwoFlow."""
    return "".join(word.capitalize() for word in file.stem.split("_")) + "Flow"


def project_of(folder: Path, files: Sequence[Path]) -> Project:
    """A project with one deployment for each flow, applied to its local environment."""
    flows = folder / "project" / "deployments" / "flows"
    flows.mkdir(parents=True)
    entries = []
    for file in files:
        shutil.copy(file, flows)
        entries.append(f"  {file.stem}: {{file: flows/{file.name}}}\n")
    (flows.parent / "mfdeploy.yaml").write_text(MANIFEST + "".join(entries))
    project = Project(folder / "project", folder / "home")
    project.apply()
    return project


def run_in_airflow(version: str, project: Project, folder: Path, files: Sequence[Path]) -> dict[str, Mapping[str, Any]]:
    """Airflow's account of one run of each flow, by class name."""
    home = new_home(installed(version), folder / "airflow", project.dags)
    answer = home.ask([{"dag_id": class_name(file)} for file in files], timeout=1200)
    assert answer["import_errors"] == {}
    assert answer["warnings"] == []
    return {outcome["dag_id"]: outcome for outcome in answer["runs"]}


def run_in_metaflow(folder: Path, files: Sequence[Path]) -> dict[str, Mapping[str, Any]]:
    """Each flow run by `python flow.py run`, and what Metaflow's Client says of it."""
    reader = Project(folder, folder / "home")
    datastore = folder / "metaflow"
    datastore.mkdir(parents=True)

    def run(file: Path) -> None:
        command = [sys.executable, str(file), "--quiet", "--no-pylint", "run"]
        done = subprocess.run(command, env=_environment(reader, datastore), cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, files))
    return read_runs(reader, datastore, files)


def read_runs(project: Project, datastore: Path, files: Sequence[Path]) -> dict[str, Mapping[str, Any]]:
    """What Metaflow's Client says of the only run of each flow."""
    names = [class_name(file) for file in files]
    command = [sys.executable, str(CLIENT), *names]
    done = subprocess.run(
        command, env=_environment(project, datastore), cwd=project.folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return {name: runs[-1] for name, runs in json.loads(done.stdout).items()}


def summary(run: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The tasks of each step, each with its place in the foreaches and its artifacts."""
    return {
        step: sorted(([_place(task), task["artifacts"]] for task in tasks), key=_as_text)
        for step, tasks in run["steps"].items()
    }


def _place(task: Mapping[str, Any]) -> list[int]:
    """The task's index in each foreach around it."""
    for name, value in task["metadata"]:
        if name == "foreach-execution-path":
            return [int(part.rpartition(":")[2]) for part in value.split(",")]
    return []


def _as_text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _environment(project: Project, datastore: Path) -> dict[str, str]:
    return {
        **project.environ(),
        "METAFLOW_DEFAULT_DATASTORE": "local",
        "METAFLOW_DEFAULT_METADATA": "local",
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(datastore),
    }
