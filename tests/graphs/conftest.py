"""The flows of this folder, run once by Metaflow and once by each Airflow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.graphs.running import run_in_metaflow

FLOWS = sorted(Path(__file__).with_name("flows").glob("*.py"))


@pytest.fixture(scope="package")
def by_metaflow(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Mapping[str, Any]]:
    """The runs of all flows by Metaflow itself."""
    return run_in_metaflow(tmp_path_factory.mktemp("metaflow"), FLOWS)
