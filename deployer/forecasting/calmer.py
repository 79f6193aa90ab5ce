"""Which minutes of the hour would be calmer: single jobs are moved within their hours until the peak falls no more.

A peak here is of the tasks that would run at once if there was room for all: a limit only turns it into waiting.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from operator import add

from deployer.forecasting.course import Forecast
from deployer.forecasting.jobs import Job, Limits
from deployer.forecasting.load import tasks_of
from deployer.forecasting.outcome import MINUTE
from deployer.forecasting.unlimited import Demand, Shape, demand_of

_HOUR = 60  # minutes
_LOOKED_AT = 7 * 24 * _HOUR  # minutes: what a week does not show is rare
_MOST_MOVES, _MOST_TRIED = 10, 4


@dataclass(frozen=True)
class Move:
    """A job that would start at another minute of its hours."""

    job: int
    minute: int


@dataclass(frozen=True)
class Calmer:
    """Moves, and the most tasks at once before and after all of them."""

    moves: tuple[Move, ...]
    before: int
    after: int


def calmer(
    jobs: Sequence[Job], forecast: Forecast, movable: Mapping[int, int], begin: int, until: int
) -> Calmer | None:
    """Moves that lower the peak; None if there are none. `movable` has the present minute of each job that may move."""
    demand = forecast.demand
    if demand is None or not movable:
        return None
    end = min(until, begin + _LOOKED_AT * MINUTE)
    search = _Search(demand, forecast.shapes, movable, begin // MINUTE, -(-end // MINUTE))
    moves = search.moves()
    if not moves:
        return None
    moved = [*jobs]
    for move in moves:
        by = (move.minute - movable[move.job]) * MINUTE
        job = jobs[move.job]
        moved[move.job] = replace(job, starts=[start + by for start in job.starts])
    after = demand_of(moved, forecast.shapes, Limits(), until)
    before_peak, after_peak = peak(demand, begin, until), peak(after, begin, until) if after else 0
    return Calmer(tuple(moves), before_peak, after_peak) if after and after_peak < before_peak else None


def peak(demand: Demand, begin: int, until: int) -> int:
    """The most tasks at once within a time."""
    most = load = 0
    for moment in sorted(demand.changes):
        if moment >= until:
            break
        # What was before the time still counts at its beginning.
        if moment > begin:
            most = max(most, tasks_of(load))
        load += demand.changes[moment]
    return max(most, tasks_of(load))


# A move: the peak with it, the peak while the job's own runs are active, how far it is moved, the job, the minute.
_Scored = tuple[int, int, int, int, int]


class _Search:
    """Moves jobs one after the other, each to where the peak is lowest."""

    def __init__(
        self, demand: Demand, shapes: Sequence[Shape], movable: Mapping[int, int], first: int, end: int
    ) -> None:
        self.movable = dict(movable)
        self.first = first
        self.profiles = [_profile(shape) for shape in shapes]
        self.levels = [0] * (end - first)
        self.begins: dict[int, list[int]] = {}
        for number, (begins, profile) in enumerate(zip(demand.begins, self.profiles, strict=True)):
            # What is over before the time or begins after it has no part in it.
            earliest = (first - len(profile) - _HOUR) * MINUTE
            some = begins[bisect_left(begins, earliest) : bisect_left(begins, end * MINUTE)]
            minutes = [each // MINUTE for each in some]
            self.put(self.levels, minutes, profile, 1)
            if number in movable:
                self.begins[number] = minutes

    def put(self, levels: list[int], begins: Sequence[int], profile: Sequence[int], sign: int) -> None:
        size = len(levels)
        for begin in begins:
            place = begin - self.first
            for number, tasks in enumerate(profile, place):
                if 0 <= number < size:
                    levels[number] += sign * tasks

    def moves(self) -> list[Move]:
        found: list[Move] = []
        while len(found) < _MOST_MOVES:
            best = min((move for number in self.candidates() if (move := self.best(number))), default=None)
            if best is None or best[0] >= max(self.levels, default=0):
                return found
            *_, number, minute = best
            self.move(number, minute)
            found.append(Move(number, minute))
        return found

    def candidates(self) -> list[int]:
        """Those of which the most tasks are active at the peak."""
        top = max(self.levels, default=0)
        if not top:
            return []
        at = self.levels.index(top) + self.first
        found: list[tuple[int, int]] = []
        for number in self.movable:
            begins, profile = self.begins[number], self.profiles[number]
            place = bisect_right(begins, at) - 1
            if place >= 0 and at - begins[place] < len(profile):
                found.append((-profile[at - begins[place]], number))
        return [number for _, number in sorted(found)[:_MOST_TRIED]]

    def best(self, number: int) -> _Scored | None:
        """The best move of a job."""
        begins, profile = self.begins[number], self.profiles[number]
        levels = [*self.levels]
        self.put(levels, begins, profile, -1)
        rest = max(levels, default=0)
        present = self.movable[number]
        found: list[_Scored] = []
        for minute in range(_HOUR):
            by = minute - present - self.first
            there = 0
            for begin in begins:
                place = begin + by
                part = levels[max(place, 0) : max(place + len(profile), 0)]
                # Of a run that began before the time only its end counts.
                there = max(there, max(map(add, part, profile[max(-place, 0) :]), default=0))
            if minute != present:
                found.append((max(rest, there), there, abs(minute - present), number, minute))
        return min(found, default=None)

    def move(self, number: int, minute: int) -> None:
        begins, profile = self.begins[number], self.profiles[number]
        self.put(self.levels, begins, profile, -1)
        by = minute - self.movable.pop(number)
        self.begins[number] = [each + by for each in begins]
        self.put(self.levels, self.begins[number], profile, 1)


def _profile(shape: Shape) -> list[int]:
    """The most tasks of a run in each of its minutes."""
    found = [0] * -(-shape.seconds // MINUTE)
    moments = [*shape.changes, (shape.seconds, 0)]
    load = 0
    for (moment, change), (following, _) in itertools.pairwise(moments):
        load += change
        for minute in range(moment // MINUTE, -(-following // MINUTE)):
            found[minute] = max(found[minute], tasks_of(load))
    return found
