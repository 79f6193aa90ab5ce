"""A running Airflow of each version, with flows that were applied for processes of the worker and for pods."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.airflow.harness import installed, versions
from tests.airflow.scheduler import Run, RunningAirflow, running
from tests.e2e.project import OFFLINE, Project
from tests.kubernetes import cluster
from tests.kubernetes.cluster import Kubernetes
from tests.kubernetes.conftest import s3
from tests.s3 import BUCKET, CREDENTIALS

__all__ = ["s3"]
FLOWS = Path(__file__).with_name("flows")
CORPUS = Path(__file__).parents[1] / "conformance" / "corpus"
CLIENT = Path(__file__).parents[1] / "e2e" / "client.py"
# Flows of other tests that run here too, each with several things that can run at a time.
SHAPES = (CORPUS / "nested_two.py", CORPUS / "switch_in_foreach.py")
MAX_WORKERS = 2
# A foreach of so many items really runs, which takes a second or more for each. None does where it is not set.
ITEMS = int(os.environ.get("MFDEPLOY_FOREACH_ITEMS") or 0)
# What Airflow maps a task over: its own default, unless more is asked for.
LIMIT = max(ITEMS, 1024)


@dataclass(frozen=True)
class Stage:
    """A running Airflow, the project whose flows it runs, and the cluster of the pods."""

    airflow: RunningAirflow
    project: Project
    cluster: Kubernetes
    s3: str
    folder: Path

    def trigger(self, flow: str, environment: str, run_id: str, **conf: Any) -> Run:
        return self.airflow.trigger(f"{flow}.{environment}", run_id, **conf)

    def gates(self, name: str, *closed: str) -> Gates:
        """A folder of gates for a run; `closed` name those at which a step waits, as STEP-INDEX-ATTEMPT."""
        folder = self.folder / "gates" / name
        folder.mkdir(parents=True)
        folder.chmod(0o777)
        for gate in closed:
            (folder / f"{gate}-closed").touch()
        return Gates(self.airflow, folder)

    def metaflow(self, flow: str, run: Run, environment: str = "local") -> dict[str, Any]:
        """What Metaflow's Client says of a run of Airflow."""
        variables = {**self.project.environ(), "METAFLOW_DEFAULT_METADATA": "local", **self._datastore(environment)}
        command = [sys.executable, str(CLIENT), flow]
        done = subprocess.run(command, env=variables, cwd=self.folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        found = [each for each in json.loads(done.stdout)[flow] if airflow_run(each) == run.run_id]
        assert len(found) == 1, (run.run_id, [airflow_run(each) for each in json.loads(done.stdout)[flow]])
        return dict(found[0])

    def pods(self, run: Run, step: str) -> list[dict[str, Any]]:
        """All pods that were ever started for a step of a run."""
        return [
            pod
            for pod in self.cluster.recorded()["pods"]
            if pod["manifest"]["metadata"]["annotations"]["metaflow/step_name"] == step
            and pod["manifest"]["metadata"]["labels"]["run_id"] == run.run_id
        ]

    def _datastore(self, environment: str) -> dict[str, str]:
        if environment == "local":
            return {
                "METAFLOW_DEFAULT_DATASTORE": "local",
                "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(self.project.datastore),
            }
        return {
            **metadata_in(self.folder),
            "METAFLOW_DEFAULT_DATASTORE": "s3",
            "METAFLOW_DATASTORE_SYSROOT_S3": f"s3://{BUCKET}/{self.folder.name}",
            "METAFLOW_S3_ENDPOINT_URL": self.s3,
            "METAFLOW_S3_WORKER_COUNT": "1",
        }


@dataclass(frozen=True)
class Gates:
    """Where steps of one run wait."""

    airflow: RunningAirflow
    folder: Path

    def until_at(self, gate: str) -> int:
        """Waits for a step to reach a gate. Returns the id of its process."""
        path = self.folder / f"at-{gate}"
        return int(self.airflow.until(lambda: path.exists() and path.read_text(), f"one at the gate {gate}"))

    def fail(self, gate: str) -> None:
        """Lets the step fail once it is through."""
        (self.folder / f"{gate}-fails").touch()

    def reached(self, gate: str) -> bool:
        return (self.folder / f"at-{gate}").exists()

    def open(self, *gates: str) -> None:
        for gate in gates:
            (self.folder / gate).touch()


@pytest.fixture(scope="module", params=versions("3.3.2"))
def stage(request: pytest.FixtureRequest, s3: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("scheduler")
    secrets = {"s3-credentials": CREDENTIALS, "shared-metadata": metadata_in(folder)}
    with cluster.running(folder / "cluster", secrets) as kubernetes:
        project = project_in(folder, s3, kubernetes)
        project.do("apply", "--yes")
        settings = {"AIRFLOW__CORE__MAX_MAP_LENGTH": str(LIMIT)} if ITEMS else {}
        with running(installed(request.param), folder / "airflow", project.dags, **settings) as airflow:
            yield Stage(airflow, project, kubernetes, s3, folder)


def airflow_run(run: Mapping[str, Any]) -> str:
    """Airflow's id of a run, from the metadata of its start task."""
    return str(dict(run["steps"]["start"][0]["metadata"])["airflow-dag-run-id"])


def metadata_in(folder: Path) -> dict[str, str]:
    return {"METAFLOW_DATASTORE_SYSROOT_LOCAL": str(folder / "metadata")}


def project_in(folder: Path, s3: str, kubernetes: Kubernetes) -> Project:
    flows = folder / "project" / "deployments" / "flows"
    shutil.copytree(FLOWS, flows)
    for file in SHAPES:
        shutil.copy(file, flows)
    manifest = {
        "version": 1,
        "project": "scheduler",
        "defaults": {"max_workers": MAX_WORKERS},
        "environments": {
            "local": {"target": "../build/dags/local", "compute": "local", "datastore": "../build/metaflow"},
            "pods": {
                "target": "../build/dags/pods",
                "compute": "kubernetes",
                "datastore": f"s3://{BUCKET}/{folder.name}",
                "kubernetes": {
                    "kubeconfig": str(kubernetes.kubeconfig),
                    "namespace": "jobs",
                    "image": "registry.example/flows:1",
                    "secrets": ["s3-credentials", "shared-metadata"],
                },
                # One worker, since each that moves data to and from S3 is a process; there are 64 else.
                "metaflow": {
                    "METAFLOW_DEFAULT_METADATA": "local",
                    "METAFLOW_S3_ENDPOINT_URL": s3,
                    "METAFLOW_S3_WORKER_COUNT": 1,
                },
            },
        },
        "flows": {file.stem: entry(file) for file in sorted(flows.glob("*.py"))},
    }
    (flows.parent / "mfdeploy.yaml").write_text(yaml.safe_dump(manifest))
    variables = {**OFFLINE, **CREDENTIALS, "no_proxy": "127.0.0.1"}
    return replace(Project(folder / "project", folder / "home"), variables=variables)


def class_name(file: Path) -> str:
    """By convention of the flows here: nested_two.py holds NestedTwoFlow."""
    return "".join(word.capitalize() for word in file.stem.split("_")) + "Flow"


def entry(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = {"file": f"flows/{file.name}", "environments": ["local"]}
    if class_name(file) == "GatedFlow":
        found["environments"].append("pods")
    if class_name(file) == "WideFlow":
        found["max_workers"] = 100
    return found
