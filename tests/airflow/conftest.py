"""Fixtures that give tests a real Airflow of each version that DAG files are made for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.airflow.harness import RUN_VERSIONS, Airflow, Home, installed, new_home


@pytest.fixture(scope="module", params=RUN_VERSIONS)
def airflow(request: pytest.FixtureRequest) -> Airflow:
    """Each Airflow that runs DAGs in tests."""
    return installed(request.param)


@pytest.fixture(scope="module")
def airflow_home(airflow: Airflow, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Home]:
    """A function that makes an AIRFLOW_HOME for a folder of DAG files: ``airflow_home(dags, NAME="value")``."""

    def make(dags: Path | None = None, **variables: str) -> Home:
        folder = tmp_path_factory.mktemp("airflow")
        return new_home(airflow, folder, dags or folder / "dags", **variables)

    return make
