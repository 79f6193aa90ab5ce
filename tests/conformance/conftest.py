"""What the columns share."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.conformance.cases import corpus
from tests.conformance.columns import COLUMNS, Column, Run, ran
from tests.graphs.running import run_in_metaflow


@pytest.fixture(scope="session")
def by_metaflow(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """The runs, by Metaflow itself, of the cases that must run like that; made by the first process that asks."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with (shared / "by-metaflow.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = shared / "by-metaflow.json"
        if not kept.exists():
            wanted = {case.name for column in COLUMNS for case in column.cases() if case.like_metaflow}
            flows = {case.flow: case.file for case in corpus().values() if case.name in wanted}
            kept.write_text(json.dumps(run_in_metaflow(shared / "by-metaflow", flows)))
    return dict(json.loads(kept.read_text()))


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Run]]:
    """The runs of all cases in the column that the module names."""
    column: Column = request.module.COLUMN
    with ran(column, column.cases(), tmp_path_factory.mktemp("column")) as found:
        yield found
