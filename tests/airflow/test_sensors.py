"""Rendered DAGs that wait for another one, run by real Airflows: for which run, and what if it never comes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from deployer.models.flow import Sensor
from deployer.orchestrators.airflow.check import check
from deployer.orchestrators.airflow.render import render
from tests.airflow.harness import Home
from tests.renderer import flows

pytestmark = pytest.mark.airflow

TEN = "2026-02-01T10:00:00+00:00"
ELEVEN = "2026-02-01T11:00:00+00:00"
ONCE: dict[str, Any] = {"external_dag_id": "loads", "mode": "poke", "timeout": 0, "check_existence": True}
# DAG id -> what it waits for; all of them run at eleven.
WAITS: dict[str, dict[str, Any]] = {
    "an-hour": {"execution_delta": 3600},
    "of-a-task": {"execution_delta": 3600, "external_task_ids": ["end"], "failed_states": ["failed"]},
    "same-time": {},
    "soft": {"soft_fail": True},
    "reversed": {"execution_delta": 3600, "allowed_states": ["failed"], "failed_states": ["success"]},
}


@pytest.fixture(scope="module")
def states(airflow_home: Callable[..., Home], tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, dict[str, str]]:
    """The states of each DAG's tasks. DAG `loads` ran at ten, and all others at eleven."""
    seen: Path = tmp_path_factory.mktemp("seen")
    home = airflow_home()
    sensors = {dag: (Sensor("wait", "external_task", 4, {**ONCE, **given}),) for dag, given in WAITS.items()}
    for dag, found in {"loads": (), **sensors}.items():
        flow = flows.linear(sensors=found, environment={"SEEN": str(seen / dag)})
        deployment = flows.deployment(dag_id=dag, start_date="2026-01-01")
        assert check(deployment, flow) == []
        (home.dags / f"{dag}.py").write_text(render(deployment, flow, flows.package(flow)))
    runs = [{"dag_id": "loads", "date": TEN}, *({"dag_id": dag, "date": ELEVEN} for dag in WAITS)]
    answer = home.ask(runs, registered=True)
    assert (answer["import_errors"], answer["warnings"]) == ({}, [])
    return {run["dag_id"]: {task["task_id"]: task["state"] for task in run["tasks"]} for run in answer["runs"]}


@pytest.mark.parametrize("dag", ["an-hour", "of-a-task"])
def test_a_delta_leads_to_the_run_of_an_hour_before(states: Mapping[str, dict[str, str]], dag: str) -> None:
    assert states[dag] == {"wait": "success", "start": "success", "end": "success"}


def test_a_run_of_another_time_is_not_it(states: Mapping[str, dict[str, str]]) -> None:
    assert states["same-time"] == {"wait": "failed", "start": "upstream_failed", "end": "upstream_failed"}


def test_a_soft_failure_skips_the_steps(states: Mapping[str, dict[str, str]]) -> None:
    assert states["soft"] == {"wait": "skipped", "start": "skipped", "end": "skipped"}


def test_states_are_those_of_the_decorator(states: Mapping[str, dict[str, str]]) -> None:
    assert states["reversed"]["wait"] == "failed"
