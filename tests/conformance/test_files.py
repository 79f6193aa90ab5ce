"""The DAG files of the corpus, for both computes: the oldest Airflow reads them, and each parse gives the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.airflow.harness import PLAIN_VERSIONS, installed, new_home
from tests.conformance.cases import Case
from tests.conformance.columns import COLUMNS
from tests.conformance.places import cluster_environment, write_project
from tests.s3 import CREDENTIALS, s3_server

pytestmark = pytest.mark.airflow


def cases() -> list[Case]:
    """Those of the newest Airflow's columns."""
    newest = [column for column in COLUMNS if column.version == PLAIN_VERSIONS[-1]]
    return list({case.name: case for column in newest for case in column.cases()}.values())


def expected() -> int:
    """The number of files: one for each case and compute that it can run on."""
    return sum(len(case.computes) for case in cases())


@pytest.fixture(scope="module")
def dags(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the DAG files of all cases, each for a worker's processes and for pods."""
    folder = tmp_path_factory.mktemp("files")
    with s3_server() as s3:
        local = {"compute": "local", "target": "../build/dags/local", "datastore": "../build/metaflow"}
        pods = {**cluster_environment(s3), "target": "../build/dags/pods"}
        variables = {**CREDENTIALS, "no_proxy": "127.0.0.1"}
        project = write_project(folder, {"local": local, "pods": pods}, variables, cases())
        project.do("apply", "--env", "local", "--env", "pods", "--yes", timeout=900)
    return project.dags


def read(version: str, dags: Path, folder: Path, seed: int) -> Mapping[str, Any]:
    """What a process of its own makes of the files."""
    return new_home(installed(version), folder, dags, PYTHONHASHSEED=str(seed)).ask()


def test_the_oldest_airflow_reads_them(dags: Path, tmp_path: Path) -> None:
    answer = read("2.10.5", dags, tmp_path / "oldest", 0)
    assert answer["import_errors"] == {}
    assert answer["warnings"] == []
    assert len(answer["dags"]) == expected()


def test_each_parse_gives_the_same_dags(dags: Path, tmp_path: Path) -> None:
    """Else Airflow 3 stores a new version of the DAG at every parse."""
    first, second = (read("3.3.2", dags, tmp_path / str(seed), seed) for seed in (1, 2))
    assert first["import_errors"] == {}
    assert len(first["serialized"]) == expected()
    assert second["serialized"] == first["serialized"]
