"""The corpus on Airflow 2.10.5, compute kubernetes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.conformance.cases import corpus
from tests.conformance.columns import Column, Run
from tests.conformance.running import check

pytestmark = pytest.mark.airflow
COLUMN = Column("2.10.5", "kubernetes")


@pytest.mark.parametrize("case", [case.name for case in COLUMN.cases()])
def test_a_flow(case: str, runs: Mapping[str, Run], by_metaflow: Mapping[str, Any]) -> None:
    check(runs[case], by_metaflow.get(corpus()[case].flow))
