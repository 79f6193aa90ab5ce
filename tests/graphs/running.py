"""Flows run twice: by Metaflow on this machine, and by an Airflow from the DAG files that mfdeploy makes of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

from tests.airflow.harness import installed, new_home
from tests.e2e.project import Project
from tests.graphs.warm import warm_python

CLIENT = Path(__file__).parents[1] / "e2e" / "client.py"
# Each flow of a run: its file by the name of its class.
Flows = Mapping[str, Path]
Runs = dict[str, Mapping[str, Any]]


def run_in_airflow(version: str, folder: Path, flows: Flows) -> tuple[Runs, Runs]:
    """One run of each flow, deployed by the command line: Airflow's account, and Metaflow's Client's, by class name."""
    project = _project(folder, flows)
    with warm_python(folder / "warm", _settings(project, project.datastore)) as python:
        manifest = project.folder / "deployments" / "mfdeploy.yaml"
        document = yaml.safe_load(manifest.read_text())
        manifest.write_text(yaml.safe_dump({**document, "defaults": {"python": str(python)}}))
        project.do("apply", "--env", "local", "--yes", timeout=1200)
        home = new_home(installed(version), folder / "airflow", project.dags)
        answer = home.ask([{"dag_id": name} for name in flows], timeout=3000)
    assert answer["import_errors"] == {}
    assert answer["warnings"] == []
    outcomes = {outcome["dag_id"]: outcome for outcome in answer["runs"]}
    return outcomes, _read(project, project.datastore, flows)


def run_in_metaflow(folder: Path, flows: Flows) -> Runs:
    """Each flow run by `python flow.py run`; and what Metaflow's Client says of it."""
    reader = Project(folder, folder / "home")
    datastore = folder / "metaflow"
    datastore.mkdir(parents=True)
    variables = _settings(reader, datastore)
    # Metaflow starts the workers of a parallel step by a `python` of the path.
    variables["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{variables['PATH']}"
    with warm_python(folder / "warm", variables) as python:

        def run(file: Path) -> None:
            command = [str(python), str(file), "--quiet", "--no-pylint", "run", "--max-workers", "2"]
            done = subprocess.run(command, env=variables, cwd=folder, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(run, flows.values()))
    return _read(reader, datastore, flows)


def differences(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Where two runs of a flow differ: by step, the tasks (their place in the foreaches, their artifacts) of both."""
    one, other = _summary(found), _summary(wanted)
    return {
        step: {"found": one.get(step), "wanted": other.get(step)}
        for step in sorted({*one, *other})
        if one.get(step) != other.get(step)
    }


def _project(folder: Path, flows: Flows) -> Project:
    """A project with one deployment for each flow; the DAGs are called as the flows."""
    copies = folder / "project" / "deployments" / "flows"
    copies.mkdir(parents=True)
    for file in flows.values():
        shutil.copy(file, copies)
    local = {"target": "../build/dags", "compute": "local", "datastore": "../build/metaflow", "production": True}
    manifest = {
        "version": 1,
        "project": "graphs",
        "environments": {"local": local},
        "flows": {file.stem: {"file": f"flows/{file.name}"} for file in flows.values()},
    }
    (copies.parent / "mfdeploy.yaml").write_text(yaml.safe_dump(manifest))
    return Project(folder / "project", folder / "home")


def _read(project: Project, datastore: Path, flows: Flows) -> Runs:
    """What Metaflow's Client says of the only run of each flow."""
    command = [sys.executable, str(CLIENT), *flows]
    done = subprocess.run(
        command, env=_settings(project, datastore), cwd=project.folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return {name: runs[-1] for name, runs in json.loads(done.stdout).items()}


def _summary(run: Mapping[str, Any]) -> dict[str, list[Any]]:
    return {
        step: sorted(([place(task), task["artifacts"]] for task in tasks), key=_as_text)
        for step, tasks in run["steps"].items()
    }


def place(task: Mapping[str, Any]) -> list[int]:
    """The task's index in each foreach around it."""
    for name, value in task["metadata"]:
        if name == "foreach-execution-path":
            return [int(part.rpartition(":")[2]) for part in value.split(",")]
    return []


def _as_text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _settings(project: Project, datastore: Path) -> dict[str, str]:
    return {
        **project.environ(),
        "METAFLOW_DEFAULT_DATASTORE": "local",
        "METAFLOW_DEFAULT_METADATA": "local",
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(datastore),
    }
