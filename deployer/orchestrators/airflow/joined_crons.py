"""Joins crons that one cron can say together, so that a DAG needs few of them: Airflow 2 takes one.

Only what is exact is joined: the joined cron starts a run at each time of each, at no other, and Airflow treats it as
each alone where clocks are changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Final

from croniter import croniter

from deployer.orchestrators.airflow.cron_fields import compact

_BOUNDS: Final = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
_HOUR, _DAY, _WEEKDAY = 1, 2, 4
# Unix cron starts a run on days that match either of these, so one is joined where the other one says nothing.
_OTHER_DAYS: Final = {_DAY: _WEEKDAY, _WEEKDAY: _DAY}


def joined_crons(crons: Sequence[str]) -> tuple[str, ...]:
    """As few crons of five fields as found that together start runs at the same times, sorted; all must be valid."""
    found = sorted(set(crons))
    while together := _first_pair(found):
        one, other, both = together
        found = sorted((set(found) - {one, other}) | {both})
    return tuple(found)


def _first_pair(crons: Sequence[str]) -> tuple[str, str, str] | None:
    for one, other in combinations(crons, 2):
        both = _join(one, other)
        if both is not None:
            return one, other, both
    return None


def _join(one: str, other: str) -> str | None:
    first, second = _values(one), _values(other)
    if first is None or second is None:
        return None
    differing = [position for position in range(len(_BOUNDS)) if first[position] != second[position]]
    if not differing:
        return one
    (position, *more) = differing
    if more or not _may_join(position, first, second):
        return None
    fields = one.split()
    union = first[position] | second[position]
    if union == first[position]:
        return one
    if union == second[position]:
        return other
    if position == _HOUR and len(union) == 24:
        # Airflow counts hours where a cron has all of them, and reads the clock where it has not.
        return None
    fields[position] = compact(union, *_BOUNDS[position])
    return " ".join(fields)


def _may_join(position: int, first: Sequence[frozenset[int]], second: Sequence[frozenset[int]]) -> bool:
    other = _OTHER_DAYS.get(position)
    if other is None:
        return True
    low, high = _BOUNDS[other]
    return len(first[other]) == len(second[other]) == high - low + 1


def _values(cron: str) -> Sequence[frozenset[int]] | None:
    """The values of each field; None for a cron with something beside numbers, as a last or a second Monday."""
    fields, nth = croniter.expand(cron)
    if nth or any(isinstance(value, str) and value != "*" for field in fields for value in field):
        return None
    found = []
    for field, (low, high) in zip(fields, _BOUNDS, strict=True):
        every = frozenset(range(low, high + 1))
        values = every if "*" in field else every & {int(value) for value in field}
        if values == every and "*" not in field:  # all days of a month, which are more than no day of the week's
            return None
        found.append(values)
    return found
