"""The corpus on Airflow 2.10.5, compute local."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.conformance.cases import corpus
from tests.conformance.columns import Column, Run, ran
from tests.conformance.running import check

pytestmark = pytest.mark.airflow
COLUMN = Column("2.10.5", "local")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Run]]:
    with ran(COLUMN, COLUMN.cases(), tmp_path_factory.mktemp("column")) as found:
        yield found


@pytest.mark.parametrize("case", [case.name for case in COLUMN.cases()])
def test_a_flow(case: str, runs: Mapping[str, Run], by_metaflow: Mapping[str, Any]) -> None:
    check(runs[case], by_metaflow.get(corpus()[case].flow))
