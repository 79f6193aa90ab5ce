"""Collisions, and minutes that would be calmer."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.forecasting.calmer import Move, calmer
from deployer.forecasting.collisions import Collision, collisions
from deployer.forecasting.course import forecast
from deployer.forecasting.jobs import Group, Job, Limits

HOUR, DAY = 3600, 86_400
STEP = (Group("s", 600),)


def job(name: str, minute: int, every: int = DAY, groups: tuple[Group, ...] = STEP) -> Job:
    return Job(name, groups, range(minute * 60, 3 * DAY, every))


def test_jobs_that_start_together_and_what_waits_then() -> None:
    jobs = [job("a", 0), job("b", 0), job("c", 0, 2 * DAY), job("hourly", 30, HOUR), job("other", 30, HOUR)]
    found = collisions(jobs, forecast(jobs, Limits(2), 0, 3 * DAY).course)
    assert found == [Collision((0, 1, 2), 0, 3, 1), Collision((3, 4), 1800, 72, 0)]


def test_a_run_that_starts_alone_is_no_collision() -> None:
    jobs = [job("a", 0), job("b", 1)]
    assert collisions(jobs, forecast(jobs, Limits(), 0, DAY).course) == []


def test_a_job_moves_to_the_nearest_minute_at_which_the_peak_is_lower() -> None:
    jobs = [job("a", 0), job("b", 0), job("c", 10)]
    found = calmer(jobs, forecast(jobs, Limits(), 0, 3 * DAY), {0: 0}, 0, 3 * DAY)
    assert found is not None
    assert (found.moves, found.before, found.after) == ((Move(0, 20),), 2, 1)


def test_several_jobs_move_one_after_the_other() -> None:
    jobs = [job(str(number), 0) for number in range(5)]
    found = calmer(jobs, forecast(jobs, Limits(), 0, 3 * DAY), dict.fromkeys(range(5), 0), 0, 3 * DAY)
    assert found is not None
    assert sorted(move.minute for move in found.moves) == [10, 20, 30, 40]
    assert (found.before, found.after) == (5, 1)


def test_where_nothing_helps_nothing_moves() -> None:
    long = [job(str(number), 0, HOUR, (Group("s", 2 * HOUR),)) for number in range(3)]
    assert calmer(long, forecast(long, Limits(), 0, DAY), {0: 0, 1: 0}, 0, DAY) is None
    assert calmer(long, forecast(long, Limits(), 0, DAY), {}, 0, DAY) is None
    assert calmer([], forecast([], Limits(), 0, DAY), {}, 0, DAY) is None


@given(st.lists(st.tuples(st.integers(0, 59), st.sampled_from((HOUR, DAY)), st.integers(1, 4)), min_size=1, max_size=8))
@settings(max_examples=40)
def test_what_is_proposed_lowers_the_peak(given: list[tuple[int, int, int]]) -> None:
    jobs = [
        job(str(number), minute, every, (Group("s", 700, tasks),))
        for number, (minute, every, tasks) in enumerate(given)
    ]
    movable = {number: minute for number, (minute, _, _) in enumerate(given)}
    found = calmer(jobs, forecast(jobs, Limits(), 0, DAY), movable, 0, DAY)
    if found is None:
        return
    assert found.after < found.before == peak_of(jobs)
    moved = [*jobs]
    for move in found.moves:
        by = (move.minute - movable[move.job]) * 60
        moved[move.job] = replace(jobs[move.job], starts=[start + by for start in jobs[move.job].starts])
    assert peak_of(moved) == found.after
    assert len({move.job for move in found.moves}) == len(found.moves)


def peak_of(jobs: list[Job]) -> int:
    return max(hour.peak.tasks for hour in forecast(jobs, Limits(), 0, DAY).course.hours)
