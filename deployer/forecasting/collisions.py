"""Where runs of several jobs start in the same minute, and what waits after that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from deployer.forecasting.jobs import Job
from deployer.forecasting.outcome import MINUTE, Course

_DAY = 24 * 60  # minutes
_LONGEST = 60  # minutes that are looked at after each


@dataclass(frozen=True)
class Collision:
    """Jobs (by number) that start together at several times of the day: `at` is the first such moment, `often` how
    many there are. `waiting` is the most tasks that wait after any of them, within an hour and before the next one.
    """

    jobs: tuple[int, ...]
    at: int
    often: int
    waiting: int


def collisions(jobs: Sequence[Job], course: Course, least: int = 2, most: int = 20) -> list[Collision]:
    """The largest ones, those of the most runs first."""
    together: dict[int, list[int]] = {}
    for number, job in enumerate(jobs):
        for start in job.starts:
            if course.begin <= start < course.until:
                together.setdefault(start // MINUTE, []).append(number)
    found: dict[tuple[int, ...], list[int]] = {}
    for minutes in _by_time_of_day(together, least).values():
        largest = min(minutes, key=lambda minute: (-len(together[minute]), minute))
        found.setdefault(tuple(sorted(set(together[largest]))), []).extend(minutes)
    named = [_collision(who, sorted(minutes), together, course) for who, minutes in found.items()]
    return sorted(named, key=lambda each: (-len(each.jobs), -each.waiting, each.at))[:most]


def _by_time_of_day(together: Mapping[int, Sequence[int]], least: int) -> Mapping[int, list[int]]:
    """The minutes in which several start, by their minute of the day: a week has others on a Sunday, perhaps."""
    found: dict[int, list[int]] = {}
    for minute, numbers in together.items():
        if len(set(numbers)) >= least:
            found.setdefault(minute % _DAY, []).append(minute)
    return found


def _collision(
    who: tuple[int, ...], minutes: Sequence[int], together: Mapping[int, Sequence[int]], course: Course
) -> Collision:
    first = next(minute for minute in minutes if set(together[minute]) == set(who))
    waiting = max(_waiting(minute, together, course) for minute in minutes)
    return Collision(who, first * MINUTE, len(minutes), waiting)


def _waiting(minute: int, together: Mapping[int, Sequence[int]], course: Course) -> int:
    """The most tasks that wait after a minute, before several others start and within an hour."""
    following = takewhile(lambda later: len(together.get(later, ())) < 2, range(minute + 1, minute + _LONGEST))
    return max(course.waiting_tasks.get(each, 0) for each in (minute, *following))
