"""One column of the table: an Airflow and a compute. Its cases are deployed by one apply, and run by one process."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.airflow.harness import PLAIN_VERSIONS, VERSIONS, installed, new_home
from tests.conformance.cases import COMPUTES, Case, corpus
from tests.conformance.places import cluster_place, local_place, write_project
from tests.graphs.running import place

CLIENT = Path(__file__).parents[1] / "e2e" / "client.py"
ASKED = os.environ.get("MFDEPLOY_CONFORMANCE", "").split()


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
        major, minor, _ = self.version.split(".")
        name = major if self.version in PLAIN_VERSIONS else f"{major}_{minor}"
        return f"tests/conformance/test_{self.compute}_airflow_{name}.py"

    def cases(self) -> list[Case]:
        """The cases to run here: in a plain test run every second one, in one of its columns only.

        MFDEPLOY_CONFORMANCE asks for other ones: for "all", or for some by name.
        """
        able = [case for case in corpus().values() if self.compute in case.computes]
        if not ASKED:
            return [case for case in able if home_of(case) == self and _number(case) // 20 % 2]
        return [case for case in able if ASKED == ["all"] or case.name in ASKED]


COLUMNS = tuple(Column(version, compute) for compute in COMPUTES for version in VERSIONS)


def home_of(case: Case) -> Column:
    """The column that runs a case in a plain run: one of two versions, and one in ten in pods, which cost more."""
    number = _number(case)
    compute = "kubernetes" if number % 10 == 4 or case.computes == ["kubernetes"] else "local"
    compute = compute if compute in case.computes else case.computes[0]
    return Column(PLAIN_VERSIONS[number // 10 % 2 if compute == "kubernetes" else number % 2], compute)


def _number(case: Case) -> int:
    """By its name, so that a new case moves no other one."""
    return zlib.crc32(case.name.encode())


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
    """The cases, by name, deployed with the command line, run and read back; what they left can be read meanwhile.

    In a plain test run the processes of the worker have Metaflow imported already, and are no others else.
    """
    made = cluster_place(folder) if column.compute == "kubernetes" else local_place(folder, warm=not ASKED)
    with made as where:
        project = write_project(folder, {"column": where.environment}, where.variables, cases, where.python)
        project.do("apply", "--env", "column", "--yes", timeout=600)
        home = new_home(installed(column.version), folder / "airflow", project.dags)
        asked = [{"dag_id": case.dag_id, **one} for case in cases for one in case.runs]
        answer = home.ask(asked, timeout=3000)
        assert answer["import_errors"] == {}
        assert answer["warnings"] == []
        seen = where.cluster.recorded() if where.cluster else {"pods": [], "refused": []}
        assert seen["refused"] == []
        reader = {**project.environ(), **where.reader}
        read = _read_back(reader, cases)
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


def _read_back(reader: Mapping[str, str], cases: Sequence[Case]) -> Any:
    """What Metaflow's Client says of each flow's runs, in the order of their start."""
    command = [sys.executable, str(CLIENT), *(case.flow for case in cases)]
    done = subprocess.run(command, env=dict(reader), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
