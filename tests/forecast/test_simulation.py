"""The simulation of runs: small cases by value, and what holds for all of them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.forecasting.course import forecast
from deployer.forecasting.jobs import Group, Interval, Job, Limits
from deployer.forecasting.load import Amounts
from deployer.forecasting.simulate import simulate

HOUR = 3600


def chain(*seconds: int) -> tuple[Group, ...]:
    """Steps one after the other."""
    return tuple(
        Group(f"s{number}", each, after=(number - 1,) if number else (), weight=len(seconds) - number)
        for number, each in enumerate(seconds)
    )


def fan(items: int, at_once: int = 0) -> tuple[Group, ...]:
    """A foreach over items, two steps long, between a step and a join, a minute each."""
    return (
        Group("start", 60, weight=4),
        Group("a", 60, items, after=(0,), at_once=at_once, weight=3),
        Group("b", 60, items, along=(1,), at_once=at_once, weight=2),
        Group("join", 60, after=(1, 2), weight=1),
    )


def run(jobs: Sequence[Job], limits: Limits = Limits()) -> list[tuple[int, str, int, int, int]]:  # noqa: B008
    """Run, step, begin, end and number of tasks of all that happens."""
    found: list[Interval] = []
    simulate(jobs, limits, 0, HOUR, found.append, drain=True)
    return [(each.run, jobs[each.job].groups[each.group].name, each.begin, each.end, each.count) for each in found]


def test_steps_follow_each_other() -> None:
    assert run([Job("a", chain(60, 120), starts=(0, 30))]) == [
        (0, "s0", 0, 60, 1),
        (1, "s0", 30, 90, 1),
        (0, "s1", 60, 180, 1),
        (1, "s1", 90, 210, 1),
    ]


def test_a_run_waits_for_an_earlier_one() -> None:
    found = run([Job("a", chain(60), starts=(0, 10, 20), max_runs=1)])
    assert [each[2:4] for each in found] == [(0, 60), (60, 120), (120, 180)]


def test_the_items_of_a_foreach_follow_each_other_one_by_one() -> None:
    assert run([Job("a", fan(5, at_once=2), starts=(0,))]) == [
        (0, "start", 0, 60, 1),
        (0, "a", 60, 120, 2),
        (0, "a", 120, 180, 2),
        (0, "b", 120, 180, 2),
        (0, "a", 180, 240, 1),
        (0, "b", 180, 240, 2),
        (0, "b", 240, 300, 1),
        (0, "join", 300, 360, 1),
    ]


def test_an_empty_foreach_takes_no_time() -> None:
    assert [each[1:4] for each in run([Job("a", fan(0), starts=(0,))])] == [("start", 0, 60), ("join", 60, 120)]


def test_a_limit_on_the_tasks_of_a_run() -> None:
    found = run([Job("a", fan(5), starts=(0,), max_tasks=2)])
    assert [each for each in found if each[1] == "a"] == [
        (0, "a", 60, 120, 2),
        (0, "a", 120, 180, 2),
        (0, "a", 180, 240, 1),
    ]


def test_where_slots_are_short_the_heavier_task_comes_first_then_the_earlier_run() -> None:
    jobs = [Job("light", chain(60), starts=(0, 5)), Job("heavy", (Group("heavy", 60, weight=9),), starts=(10,))]
    assert [each[1:4] for each in run(jobs, Limits(1))] == [("s0", 0, 60), ("heavy", 60, 120), ("s0", 120, 180)]


def test_a_full_pool_leaves_room_for_others() -> None:
    jobs = [
        Job("a", (Group("gpu", 60, 3, pool="gpus"),), starts=(0,)),
        Job("b", (Group("cpu", 60, pool="default"),), starts=(0,)),
    ]
    assert run(jobs, Limits(3, {"gpus": 1})) == [
        (0, "gpu", 0, 60, 1),
        (0, "cpu", 0, 60, 1),
        (0, "gpu", 60, 120, 1),
        (0, "gpu", 120, 180, 1),
    ]


def test_the_end_of_runs_starts_others() -> None:
    jobs = [
        Job("a", chain(60), starts=(0, 600)),
        Job("b", chain(120), starts=(0,)),
        Job("both", chain(30), after=(0, 1)),
        Job("then", chain(30), after=(2,)),
    ]
    found: list[Interval] = []
    simulate(jobs, Limits(), 0, HOUR, found.append)
    assert [(each.job, each.begin) for each in found if each.job > 1] == [(2, 120), (3, 150)]


def test_hours_have_the_most_and_the_mean() -> None:
    groups = (Group("s", 1800, 2, cpu=1500, memory=4000, gpus=1),)
    (first, second) = forecast([Job("a", groups, starts=(2700,))], Limits(), 0, 2 * HOUR).course.hours
    assert first.peak == second.peak == Amounts(1, 2, 3000, 8000, 2)
    assert (first.mean["cpu"], second.mean["cpu"]) == (750, 750)


def test_what_waits_is_told_by_the_minute() -> None:
    course = forecast([Job("a", (Group("s", 90, 3),), starts=(30, 31), max_runs=1)], Limits(2), 0, HOUR).course
    assert course.waiting_tasks == {0: 1, 1: 1, 3: 1, 4: 1}
    assert course.waiting_runs == {0: 1, 1: 1, 2: 1, 3: 1}


# What holds for all.
SECONDS = st.integers(1, 900)


@st.composite
def jobs_and_limits(draw: st.DrawFn) -> tuple[list[Job], Limits]:
    jobs: list[Job] = []
    for number in range(draw(st.integers(1, 5))):
        groups: list[Group] = []
        for index in range(draw(st.integers(1, 5))):
            before = draw(st.sets(st.integers(0, index - 1), max_size=2)) if index else set()
            count = draw(st.integers(0, 6))
            along = {each for each in before if groups[each].count == count and draw(st.booleans())}
            groups.append(
                Group(
                    f"g{index}",
                    draw(SECONDS),
                    count,
                    tuple(sorted(before - along)),
                    tuple(sorted(along)),
                    draw(st.integers(0, 3)),
                    draw(st.integers(1, 5)),
                    draw(st.sampled_from(("", "x", "y"))),
                    draw(st.integers(0, 4000)),
                )
            )
        starts = sorted(draw(st.lists(st.integers(0, 3 * HOUR), max_size=8)))
        after = draw(st.sets(st.integers(0, number - 1), max_size=2)) if number else set()
        max_runs, max_tasks = draw(st.integers(0, 3)), draw(st.integers(0, 4))
        jobs.append(Job(f"j{number}", tuple(groups), starts, tuple(sorted(after)), max_runs, max_tasks))
    pools = draw(st.dictionaries(st.sampled_from(("x", "y")), st.integers(1, 4)))
    return jobs, Limits(draw(st.integers(0, 8)), pools)


def most(intervals: Sequence[tuple[int, int, int]]) -> int:
    """The most at once of beginnings, ends and numbers."""
    changes = sorted([(end, -count) for _, end, count in intervals] + [(begin, count) for begin, _, count in intervals])
    found = number = 0
    for _, change in changes:
        number += change
        found = max(found, number)
    return found


@pytest.mark.slow
@given(jobs_and_limits())
@settings(max_examples=100)
def test_no_limit_is_passed_and_all_work_is_done_in_order(given: tuple[list[Job], Limits]) -> None:
    jobs, limits = given
    found: list[Interval] = []
    course = simulate(jobs, limits, 0, 3 * HOUR, found.append, drain=True)
    assert not limits.slots or most([(each.begin, each.end, each.count) for each in found]) <= limits.slots
    for pool, size in limits.pools.items():
        inside = [each for each in found if jobs[each.job].groups[each.group].pool == pool]
        assert most([(each.begin, each.end, each.count) for each in inside]) <= size
    runs: dict[tuple[int, int], list[Interval]] = {}
    for each in found:
        runs.setdefault((each.job, each.run), []).append(each)
    for (number, _), intervals in runs.items():
        job = jobs[number]
        assert not job.max_tasks or most([(each.begin, each.end, each.count) for each in intervals]) <= job.max_tasks
        for index, group in enumerate(job.groups):
            mine = [each for each in intervals if each.group == index]
            assert sum(each.count for each in mine) == group.count
            assert {each.end - each.begin for each in mine} <= {group.seconds}
            assert not group.at_once or most([(each.begin, each.end, each.count) for each in mine]) <= group.at_once
            for before in group.after:
                ends = [each.end for each in intervals if each.group == before]
                assert all(each.begin >= max(ends, default=0) for each in mine)
            for before in group.along:
                for each in mine:
                    over = sum(other.count for other in intervals if other.group == before and other.end <= each.begin)
                    assert sum(other.count for other in mine if other.begin <= each.begin) <= over
    for number, job in enumerate(jobs):
        # A run without any task is not seen here.
        spans = [
            (min(each.begin for each in of_run), max(each.end for each in of_run), 1)
            for (whose, _), of_run in runs.items()
            if whose == number
        ]
        assert not job.max_runs or most(spans) <= job.max_runs
        if not job.after:
            assert course.started.get(number, 0) == len(job.starts)
    assert sum(course.changes.values()) == 0


@pytest.mark.slow
@given(jobs_and_limits(), st.integers(0, 2 * HOUR))
@settings(max_examples=100)
def test_copies_of_runs_give_the_same_as_every_task(given: tuple[list[Job], Limits], begin: int) -> None:
    jobs, limits = given
    whole, quick = simulate(jobs, limits, begin, 4 * HOUR), forecast(jobs, limits, begin, 4 * HOUR).course
    assert quick.hours == whole.hours
    assert (quick.started, quick.tasks) == (whole.started, whole.tasks)
    assert (quick.waiting_tasks, quick.waiting_runs) == (whole.waiting_tasks, whole.waiting_runs)
