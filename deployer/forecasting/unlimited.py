"""The same load as the simulation finds, where no slot is short: then each run is a copy of the first one of its job.

This is an addition for each change of each run, and what makes a month of a thousand deployments a matter of a second.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from deployer.forecasting.jobs import Interval, Job, Limits
from deployer.forecasting.load import RUN, load_of, tasks_of
from deployer.forecasting.outcome import Course
from deployer.forecasting.simulate import simulate


@dataclass(frozen=True)
class Shape:
    """A run that has all the room that it wants: what changes when, in seconds since its start.

    `changes` are those of the load, `pools` those of the number of tasks by pool; `starts` are how many tasks start.
    """

    seconds: int
    changes: tuple[tuple[int, int], ...]
    pools: Mapping[str, tuple[tuple[int, int], ...]]
    starts: tuple[tuple[int, int], ...]

    @property
    def tasks(self) -> int:
        """How many tasks a run has."""
        return sum(count for _, count in self.starts)


def shape_of(job: Job) -> Shape:
    """The shape of a job's runs."""
    intervals: list[Interval] = []
    simulate([replace(job, starts=(0,), after=(), max_runs=0)], Limits(), 0, 1, intervals.append, drain=True)
    seconds = max((each.end for each in intervals), default=0)
    changes: dict[int, int] = {}
    pools: dict[str, dict[int, int]] = {}
    starts: dict[int, int] = {}
    _add(changes, 0, RUN)
    _add(changes, seconds, -RUN)
    for each in intervals:
        group = job.groups[each.group]
        _add(starts, each.begin, each.count)
        for moment, sign in ((each.begin, 1), (each.end, -1)):
            _add(changes, moment, sign * each.count * load_of(group))
            _add(pools.setdefault(group.pool, {}), moment, sign * each.count)
    return Shape(seconds, _sorted(changes), {name: _sorted(found) for name, found in pools.items()}, _sorted(starts))


def _add(changes: dict[int, int], moment: int, change: int) -> None:
    changes[moment] = changes.get(moment, 0) + change


def _sorted(changes: Mapping[int, int]) -> tuple[tuple[int, int], ...]:
    return tuple((moment, change) for moment, change in sorted(changes.items()) if change)


@dataclass(frozen=True)
class Demand:
    """The load that there would be with room for everything.

    `begins` are when each job's runs begin, `late` how the number of runs changes that wait for an earlier one.
    """

    begins: Sequence[Sequence[int]]
    changes: Mapping[int, int]
    pools: Mapping[str, Mapping[int, int]]
    late: Mapping[int, int]


def demand_of(jobs: Sequence[Job], shapes: Sequence[Shape], limits: Limits, until: int) -> Demand | None:
    """The demand of all jobs up to a moment; None if jobs start each other in a circle."""
    order = in_order(jobs)
    if order is None:
        return None
    begins: list[Sequence[int]] = [()] * len(jobs)
    ends: list[Sequence[int]] = [()] * len(jobs)
    late: dict[int, int] = {}
    changes: dict[int, int] = {}
    pools: dict[str, dict[int, int]] = {name: {} for name in limits.pools}
    for number in order:
        job, shape = jobs[number], shapes[number]
        wanted = [moment for moment in job.starts if moment < until]
        if job.after:
            wanted = sorted([*wanted, *_triggered([ends[upstream] for upstream in job.after])])
        begins[number] = found = [*_begins(wanted, job.max_runs, shape.seconds, until, late)]
        ends[number] = [moment + shape.seconds for moment in found if moment + shape.seconds < until]
        _spread(changes, found, shape.changes)
        for name, of_pool in shape.pools.items():
            if name in pools:
                _spread(pools[name], found, of_pool)
    return Demand(begins, changes, pools, late)


def _spread(changes: dict[int, int], begins: Sequence[int], own: Sequence[tuple[int, int]]) -> None:
    get = changes.get
    for offset, change in own:
        for begin in begins:
            moment = begin + offset
            changes[moment] = get(moment, 0) + change


def in_order(jobs: Sequence[Job]) -> list[int] | None:
    """The numbers of the jobs, each after those that start it; None if there is a circle."""
    waits = [len(set(job.after)) for job in jobs]
    following: list[list[int]] = [[] for _ in jobs]
    for number, job in enumerate(jobs):
        for upstream in set(job.after):
            following[upstream].append(number)
    found = [number for number, count in enumerate(waits) if not count]
    for number in found:
        for other in following[number]:
            waits[other] -= 1
            if not waits[other]:
                found.append(other)
    return found if len(found) == len(jobs) else None


def _triggered(ends: Sequence[Sequence[int]]) -> Iterator[int]:
    """The moments at which a run of each has ended since the last time."""
    missing = set(range(len(ends)))
    for moment, upstream in sorted((moment, number) for number, found in enumerate(ends) for moment in found):
        missing.discard(upstream)
        if not missing:
            yield moment
            missing = set(range(len(ends)))


def _begins(wanted: Sequence[int], max_runs: int, seconds: int, until: int, late: dict[int, int]) -> Iterator[int]:
    """When runs begin of which only so many are active at once."""
    ends: deque[int] = deque()
    for moment in wanted:
        begin = moment
        if max_runs and len(ends) == max_runs:
            begin = max(moment, ends.popleft())
        if begin > moment:
            _add(late, moment, 1)
            _add(late, begin, -1)
        ends.append(begin + seconds)
        if begin < until:
            yield begin


class Repeated:
    """The copies of runs that a simulation need not look into; see `simulate.Copies`."""

    def __init__(self, demand: Demand, shapes: Sequence[Shape], limits: Limits) -> None:
        self._begins, self._shapes = demand.begins, shapes
        limited: list[tuple[Mapping[int, int], int]] = []
        if limits.slots:
            limited.append((_tasks(demand.changes), limits.slots))
        limited += [(demand.pools[name], size) for name, size in limits.pools.items()]
        crowded = sorted(each for changes, limit in limited for each in _above(changes, limit))
        self._crowded_from = [begin for begin, _ in crowded]
        # The latest end of those that began until then.
        self._crowded_until = [*accumulate((end for _, end in crowded), max)]

    @property
    def is_crowded(self) -> bool:
        """Whether any task has to wait."""
        return bool(self._crowded_from)

    def expects(self, job: int, number: int, at: int) -> bool:
        begins = self._begins[job]
        return number < len(begins) and begins[number] == at

    def fits(self, job: int, at: int) -> bool:
        before_its_end = bisect_left(self._crowded_from, at + self._shapes[job].seconds)
        return not before_its_end or self._crowded_until[before_its_end - 1] <= at

    def play(self, job: int, at: int, course: Course) -> int:
        shape = self._shapes[job]
        _spread(course.changes, (at,), shape.changes)
        course.tasks += _tasks_within((at,), shape, course.begin, course.until)
        return shape.seconds


def _tasks(changes: Mapping[int, int]) -> dict[int, int]:
    """The changes of the number of tasks, of those of a load."""
    found: dict[int, int] = {}
    load = 0
    for moment in sorted(changes):
        before = tasks_of(load)
        load += changes[moment]
        found[moment] = tasks_of(load) - before
    return found


def _above(changes: Mapping[int, int], limit: int) -> Iterator[tuple[int, int]]:
    """The times from and until which a number is above a limit."""
    number, since = 0, None
    for moment in sorted(changes):
        number += changes[moment]
        if number > limit and since is None:
            since = moment
        elif number <= limit and since is not None:
            yield since, moment
            since = None


def course_of(demand: Demand, shapes: Sequence[Shape], begin: int, until: int) -> Course:
    """What comes of a demand for which there is room."""
    course = Course(begin, until, dict(demand.changes))
    count, previous = 0, begin
    for moment in sorted(demand.late):
        course.wait(previous, moment, 0, count)
        count += demand.late[moment]
        previous = moment
    course.wait(previous, until, 0, count)
    for number, begins in enumerate(demand.begins):
        since = sum(moment >= begin for moment in begins)
        if since:
            course.started[number] = since
        course.tasks += _tasks_within(begins, shapes[number], begin, until)
    return course


def _tasks_within(begins: Sequence[int], shape: Shape, begin: int, until: int) -> int:
    """How many tasks of runs that begin then start within the time."""
    whole = [moment >= begin and moment + shape.seconds < until for moment in begins]
    cut = [moment for moment, is_whole in zip(begins, whole, strict=True) if not is_whole]
    parts = (count for moment in cut for offset, count in shape.starts if begin <= moment + offset < until)
    return sum(whole) * shape.tasks + sum(parts)
