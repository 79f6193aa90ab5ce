"""Flows on a cluster: each step is a pod that really runs, and Metaflow's Client reads what it left in S3."""

from __future__ import annotations

import pytest

from tests.kubernetes.conftest import DAGS, Ran

pytestmark = pytest.mark.airflow


def test_runs_succeed(ran: Ran) -> None:
    states = {flow: outcome["state"] for flow, outcome in ran.outcomes.items()}
    assert states == {flow: "failed" if flow == "FailingFlow" else "success" for flow in DAGS}
    assert ran.refused == []
