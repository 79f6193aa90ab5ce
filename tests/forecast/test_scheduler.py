"""A small case under a real scheduler, and simulated: the order, and how much ran at once, are the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from deployer.forecasting.jobs import Group, Interval, Job, Limits
from deployer.forecasting.simulate import simulate
from tests.airflow.harness import installed
from tests.airflow.scheduler import Run, RunningAirflow, running

SECONDS, ITEMS, SLOTS = 2, 5, 4
# `narrow` is as we render a foreach over two steps, but with less room; `wide` takes all the slots that there are.
DAGS = f"""\
import time
from datetime import datetime

from airflow.sdk import DAG, task, task_group

options = {{"start_date": datetime(2026, 1, 1), "schedule": None, "catchup": False}}

with DAG("narrow", max_active_runs=1, max_active_tasks=3, **options):

    @task
    def start():
        time.sleep({SECONDS})
        return list(range({ITEMS}))

    @task(max_active_tis_per_dagrun=2)
    def a(index):
        time.sleep({SECONDS})
        return index

    @task(max_active_tis_per_dagrun=2)
    def b(index):
        time.sleep({SECONDS})

    @task_group
    def each(index):
        b(a(index))

    @task
    def join():
        time.sleep({SECONDS})

    each.expand(index=start()) >> join()

with DAG("wide", **options):

    @task
    def many(index):
        time.sleep({SECONDS})

    many.expand(index=list(range(6)))
"""
JOBS = (
    Job(
        "narrow",
        (
            Group("start", SECONDS, weight=4),
            Group("a", SECONDS, ITEMS, after=(0,), at_once=2, weight=3),
            Group("b", SECONDS, ITEMS, along=(1,), at_once=2, weight=2),
            Group("join", SECONDS, after=(1, 2), weight=1),
        ),
        starts=(0, 0),
        max_runs=1,
        max_tasks=3,
    ),
    Job("wide", (Group("many", SECONDS, 6),), starts=(0,)),
)


@dataclass(frozen=True)
class Seen:
    """A task that ran: of which job and run, which step, from when to when."""

    job: str
    run: int
    step: str
    begin: float
    end: float


def at_once(found: Sequence[Seen]) -> int:
    changes = sorted([(each.end, -1) for each in found] + [(each.begin, 1) for each in found])
    most = number = 0
    for _, change in changes:
        number += change
        most = max(most, number)
    return most


def steps_in_order(found: Sequence[Seen]) -> list[tuple[int, str]]:
    """The runs and steps of `narrow`, by when the first task of each began."""
    firsts: dict[tuple[int, str], float] = {}
    for each in found:
        if each.job == "narrow":
            key = each.run, each.step
            firsts[key] = min(each.begin, firsts.get(key, each.begin))
    return sorted(firsts, key=lambda key: firsts[key])


def simulated() -> list[Seen]:
    intervals: list[Interval] = []
    simulate(JOBS, Limits(SLOTS), 0, 1, intervals.append, drain=True)
    return [
        Seen(JOBS[each.job].name, each.run, JOBS[each.job].groups[each.group].name, each.begin, each.end)
        for each in intervals
        for _ in range(each.count)
    ]


def real(airflow: RunningAirflow) -> list[Seen]:
    runs: list[tuple[int, Run]] = [(number, airflow.trigger("narrow", f"r{number}")) for number in range(2)]
    runs.append((0, airflow.trigger("wide", "r0")))
    found: list[Seen] = []
    for number, run in runs:
        assert run.ended() == "success", airflow.logs()
        for task in run.seen()["tasks"]:
            step = task["task_id"].rpartition(".")[2]
            found.append(Seen(run.dag_id, number, step, task["start"], task["end"]))
    return found


@pytest.mark.airflow
def test_a_real_scheduler_does_what_the_simulation_does(tmp_path: Path) -> None:
    dags = tmp_path / "dags"
    dags.mkdir()
    (dags / "both.py").write_text(DAGS)
    settings = {"AIRFLOW__CORE__PARALLELISM": str(SLOTS)}
    with running(installed("3.3.2"), tmp_path / "airflow", dags, **settings) as airflow:
        seen = real(airflow)
    expected = simulated()
    assert len(seen) == len(expected) == 2 * (2 + 2 * ITEMS) + 6
    assert steps_in_order(seen) == steps_in_order(expected)
    for run in range(2):
        mine, theirs = ([e for e in found if (e.job, e.run) == ("narrow", run)] for found in (seen, expected))
        for step in ("a", "b"):
            ours = at_once([e for e in mine if e.step == step])
            assert ours <= at_once([e for e in theirs if e.step == step]) == 2
        assert at_once(mine) <= at_once(theirs) == 3
    # The second run waits for the first one.
    first, second = ([e for e in seen if (e.job, e.run) == ("narrow", run)] for run in range(2))
    assert max(e.end for e in first) <= min(e.begin for e in second)
    assert 2 <= at_once(seen) <= at_once(expected) == SLOTS
    # As in the simulation, items go on one by one: some are in `b` before all have been in `a`.
    for found in (seen, expected):
        mine = [e for e in found if (e.job, e.run) == ("narrow", 0)]
        assert min(e.begin for e in mine if e.step == "b") < max(e.end for e in mine if e.step == "a")
