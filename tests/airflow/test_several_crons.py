"""Schedules of several crons in real Airflows: the next runs are those that a plan says, or the file says why not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from itertools import islice
from typing import Any

import pytest

from deployer.description import describe
from deployer.models.deployment import Deployment, Schedule
from deployer.models.description import times_of
from deployer.models.flow import Flow, Trigger
from deployer.orchestrators.airflow.check import check
from deployer.orchestrators.airflow.cron_times import times_after
from deployer.orchestrators.airflow.render import render
from deployer.orchestrators.airflow.schedule import schedule_of
from tests.airflow.harness import Airflow, Home
from tests.renderer import flows

pytestmark = pytest.mark.airflow

APART = ("30 3 * * *", "0 15 1,15 * *", "0 18 ? * MON-FRI *")
# DAG id -> its crons, what else the flow waits for, and more settings. Those that are joined are one cron.
CASES: dict[str, tuple[tuple[str, ...], tuple[Trigger, ...], dict[str, Any]]] = {
    "joined": (("0 3 * * *", "0 15 * * *"), (), {}),
    "apart": (APART, (), {}),
    "apart-with-events": (APART, (Trigger("event", "orders", line=3),), {}),
    "apart-and-missed": (APART, (), {"catchup": True, "start_date": "2025-03-28"}),
}
NEED_3 = [dag for dag in CASES if dag != "joined"]


def case(dag: str) -> tuple[Deployment, Flow]:
    crons, triggers, more = CASES[dag]
    schedule = Schedule(cron=crons, timezone="Europe/Helsinki")
    return flows.deployment(dag_id=dag, schedule=schedule, **more), flows.linear(triggers=triggers)


@pytest.fixture(scope="module")
def answer(airflow_home: Callable[..., Home]) -> dict[str, Any]:
    home = airflow_home()
    for dag in CASES:
        deployment, flow = case(dag)
        assert check(deployment, flow) == []
        text = render(deployment, flow, flows.package(flow), since=datetime.now(timezone.utc))
        (home.dags / f"{dag}.py").write_text(text)
    return home.ask()


def test_only_airflow_3_takes_several_crons_that_none_can_say(answer: dict[str, Any], airflow: Airflow) -> None:
    expected = {f"{dag}.py" for dag in NEED_3} if airflow.is_2 else set()
    assert (set(answer["import_errors"]), answer["warnings"]) == (expected, [])
    assert all("Airflow 2 starts a DAG by a single cron" in error for error in answer["import_errors"].values())


@pytest.mark.parametrize("dag", CASES)
def test_the_next_runs_are_those_of_a_plan(answer: dict[str, Any], airflow: Airflow, dag: str) -> None:
    if dag in NEED_3 and airflow.is_2:
        return
    deployment, flow = case(dag)
    times = times_of(describe(deployment, flow, schedule_of(deployment, flow), 1, "r").schedule)
    assert times is not None
    found = answer["dags"][dag]
    runs = [datetime.fromisoformat(run) for run in found["next_runs"]["runs"]]
    first = found["start_date"] if deployment.catchup else found["next_runs"]["now"]
    assert runs == list(islice(times_after(times, datetime.fromisoformat(first)), 4))
