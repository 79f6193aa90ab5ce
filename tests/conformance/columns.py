"""One column of the table: an Airflow and a compute. Its cases are deployed by one apply, and run by one process."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.airflow.harness import installed, new_home
from tests.conformance.cases import COMPUTES, Case, corpus
from tests.e2e.project import OFFLINE, Project
from tests.graphs.running import place
from tests.kubernetes.cluster import running
from tests.kubernetes.storage import BUCKET, CREDENTIALS, object_store

CLIENT = Path(__file__).parents[1] / "e2e" / "client.py"
VERSIONS = ("2.11.2", "3.3.2")
# Where a worker has what a cluster's secrets bring: not in the DAG files.
METADATA = "METAFLOW_DATASTORE_SYSROOT_LOCAL"


@dataclass(frozen=True)
class Column:
    """An Airflow's version, and how its tasks are run."""

    version: str
    compute: str

    def __str__(self) -> str:
        return f"{self.version} {self.compute}"

    @property
    def file(self) -> str:
        """The file whose tests are about this column."""
        return f"tests/conformance/test_{self.compute}_airflow_{self.version[0]}.py"

    def cases(self) -> list[Case]:
        """The cases to run here: in a plain test run each is run in one of its columns only.

        MFDEPLOY_CONFORMANCE asks for other ones: for "all", or for some by name.
        """
        able = [case for case in corpus().values() if self.compute in case.computes]
        asked = os.environ.get("MFDEPLOY_CONFORMANCE", "").split()
        if not asked:
            return [case for case in able if home_of(case) == self]
        return [case for case in able if asked == ["all"] or case.name in asked]


COLUMNS = tuple(Column(version, compute) for compute in COMPUTES for version in VERSIONS)


def home_of(case: Case) -> Column:
    """The column that runs a case also when not everything is run: each version's turn, and every fifth is a pod."""
    number = sorted(corpus()).index(case.name)
    compute = "kubernetes" if number % 5 == 4 or case.computes == ["kubernetes"] else "local"
    compute = compute if compute in case.computes else case.computes[0]
    return Column(VERSIONS[number // 5 % 2 if compute == "kubernetes" else number % 2], compute)


@dataclass(frozen=True)
class Run:
    """One case's runs: Airflow's account of its DAG and of each run, Metaflow's of each run, the cluster's of its pods.

    `reader` are the variables with which Metaflow finds the runs; `folder` is the column's own.
    """

    case: Case
    column: Column
    dag: Mapping[str, Any]
    outcomes: Sequence[Mapping[str, Any]]
    runs: Sequence[Mapping[str, Any]]
    pods: Sequence[Mapping[str, Any]]
    reader: Mapping[str, str]
    folder: Path

    def tasks(self, step: str, number: int = 0) -> list[dict[str, Any]]:
        """Metaflow's account of a step's tasks, by their place in the foreaches."""
        return sorted(self.runs[number]["steps"].get(step, []), key=place)

    def artifacts(self, step: str, number: int = 0) -> dict[str, Any]:
        """Those of the only task of a step."""
        (task,) = self.tasks(step, number)
        return dict(task["artifacts"])

    def states(self, step: str, number: int = 0) -> list[str]:
        """Airflow's states of a step's tasks, by map index."""
        return [task["state"] for task in self.outcomes[number]["tasks"] if task["task_id"] == step]


@contextlib.contextmanager
def ran(column: Column, cases: Sequence[Case], folder: Path) -> Iterator[dict[str, Run]]:
    """The cases, by name, deployed with the command line, run and read back; what they left can be read meanwhile."""
    with _place_for(column, folder) as (environment, variables, cluster):
        project = _project(folder, environment, variables, cases)
        project.do("apply", "--env", "column", "--yes", timeout=600)
        home = new_home(installed(column.version), folder / "airflow", project.dags)
        asked = [{"dag_id": case.dag_id, **one} for case in cases for one in case.runs]
        answer = home.ask(asked, timeout=3000)
        assert answer["import_errors"] == {}
        assert answer["warnings"] == []
        seen = cluster.recorded() if cluster else {"pods": [], "refused": []}
        assert seen["refused"] == []
        reader = _reader(project, environment, folder)
        read = _read_back(project, reader, cases)
        yield {
            case.name: Run(
                case,
                column,
                answer["dags"][case.dag_id],
                [outcome for outcome in answer["runs"] if outcome["dag_id"] == case.dag_id],
                read[case.flow],
                [pod for pod in seen["pods"] if _flow_of(pod) == case.flow],
                reader,
                folder,
            )
            for case in cases
        }


def _flow_of(pod: Mapping[str, Any]) -> str:
    return str(pod["manifest"]["metadata"]["annotations"]["metaflow/flow_name"])


@contextlib.contextmanager
def _place_for(column: Column, folder: Path) -> Iterator[tuple[dict[str, Any], dict[str, str], Any]]:
    """The column's environment in a manifest, the variables of whoever deploys to it, and the cluster if any."""
    common: dict[str, Any] = {"target": "../build/dags", "compute": column.compute}
    # What the case `settings` looks for.
    settings: dict[str, Any] = {"METAFLOW_MAXIMUM_FOREACH_VALUE_CHARS": 31}
    if column.compute == "local":
        yield {**common, "datastore": "../build/metaflow", "metaflow": settings}, {}, None
        return
    secrets = {"s3-credentials": CREDENTIALS, "shared-metadata": {METADATA: str(folder / "metadata")}}
    with object_store() as s3, running(folder / "cluster", secrets) as cluster:
        pods = {
            "kubeconfig": str(cluster.kubeconfig),
            "namespace": "jobs",
            "image": "registry.example/flows:1",
            "secrets": list(secrets),
        }
        # One worker, since each that moves data to and from S3 is a process; there are 64 else.
        settings.update({"METAFLOW_S3_ENDPOINT_URL": s3, "METAFLOW_S3_WORKER_COUNT": 1})
        datastore = f"s3://{BUCKET}/{folder.name}"
        environment = {**common, "datastore": datastore, "kubernetes": pods, "metaflow": settings}
        yield environment, {**CREDENTIALS, "no_proxy": "127.0.0.1"}, cluster


def _project(
    folder: Path, environment: Mapping[str, Any], variables: Mapping[str, str], cases: Sequence[Case]
) -> Project:
    flows = folder / "project" / "deployments" / "flows"
    flows.mkdir(parents=True)
    entries = {}
    for case in cases:
        # A folder for each, as users have it: what is beside a flow travels with it.
        (flows / case.name).mkdir()
        shutil.copy(case.file, flows / case.name)
        for name, text in case.files.items():
            file = flows / case.name / name
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")
        entries[case.name] = {"file": f"flows/{case.name}/{case.name}.py", **case.entry}
    manifest = {
        "version": 1,
        "project": "conformance",
        "environments": {"column": {**environment, "retries": 0}},
        "flows": entries,
    }
    (flows.parent / "mfdeploy.yaml").write_text(yaml.safe_dump(manifest, allow_unicode=True))
    return Project(folder / "project", folder / "home", variables={**OFFLINE, **variables})


def _reader(project: Project, environment: Mapping[str, Any], folder: Path) -> dict[str, str]:
    """How a user points Metaflow at the column's runs."""
    variables = {**project.environ(), "METAFLOW_DEFAULT_METADATA": "local"}
    if environment["compute"] == "local":
        return {**variables, "METAFLOW_DEFAULT_DATASTORE": "local", METADATA: str(project.datastore)}
    return {
        **variables,
        **{name: str(value) for name, value in environment["metaflow"].items()},
        "METAFLOW_DEFAULT_DATASTORE": "s3",
        "METAFLOW_DATASTORE_SYSROOT_S3": environment["datastore"],
        METADATA: str(folder / "metadata"),
    }


def _read_back(project: Project, reader: Mapping[str, str], cases: Sequence[Case]) -> Any:
    """What Metaflow's Client says of each flow's runs, in the order of their start."""
    command = [sys.executable, str(CLIENT), *(case.flow for case in cases)]
    done = subprocess.run(command, env=dict(reader), cwd=project.folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
