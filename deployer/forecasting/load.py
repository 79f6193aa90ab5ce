"""The load at a moment as one number, and the curve of it over time.

A load has five amounts, each in 80 bits of one whole number: so loads are added and subtracted in one step, of which a
forecast makes millions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from deployer.forecasting.jobs import Group

HOUR = 3600
_BITS = 80
_MASK = (1 << _BITS) - 1
RUN = 1
"""The load of a run beside that of its tasks."""


@dataclass(frozen=True)
class Amounts:
    """A load: active runs, tasks, thousandths of CPUs, MB of memory, and GPUs."""

    runs: int = 0
    tasks: int = 0
    cpu: int = 0
    memory: int = 0
    gpus: int = 0


FIELDS = ("runs", "tasks", "cpu", "memory", "gpus")
TASKS = FIELDS.index("tasks") * _BITS


def load_of(group: Group) -> int:
    """The load of one task of a group."""
    amounts = (0, 1, group.cpu, group.memory, group.gpus)
    return sum(amount << number * _BITS for number, amount in enumerate(amounts))


def amounts(load: int) -> Amounts:
    """What a load consists of."""
    return Amounts(*(load >> number * _BITS & _MASK for number in range(len(FIELDS))))


def tasks_of(load: int) -> int:
    """How many tasks a load has."""
    return load >> TASKS & _MASK


@dataclass(frozen=True)
class Hour:
    """An hour: the highest of each amount (at different moments, perhaps), and the mean of it over the hour."""

    at: int
    peak: Amounts
    mean: Mapping[str, float]


@dataclass
class Curve:
    """The load over time from `begin` to `until`, in the order of time. What is outside of it is left out."""

    begin: int
    until: int
    areas: dict[int, int] = field(default_factory=dict)
    seen: dict[int, set[int]] = field(default_factory=dict)

    def add(self, start: int, end: int, load: int) -> None:
        """Between two moments the load was this."""
        start, end = max(start, self.begin), min(end, self.until)
        while start < end:
            hour = start // HOUR
            stop = min(end, (hour + 1) * HOUR)
            self.areas[hour] = self.areas.get(hour, 0) + load * (stop - start)
            self.seen.setdefault(hour, set()).add(load)
            start = stop

    def hours(self) -> list[Hour]:
        """Every hour that the curve touches."""
        numbers = range(self.begin // HOUR, -(-self.until // HOUR))
        return [self._hour(number) for number in numbers]

    def _hour(self, number: int) -> Hour:
        loads = [*map(amounts, self.seen.get(number, ()))]
        peak = Amounts(*(max((getattr(load, name) for load in loads), default=0) for name in FIELDS))
        inside = min((number + 1) * HOUR, self.until) - max(number * HOUR, self.begin)
        area = amounts(self.areas.get(number, 0))
        return Hour(number * HOUR, peak, {name: getattr(area, name) / inside for name in FIELDS})


def curve_of(changes: Mapping[int, int], begin: int, until: int) -> Curve:
    """The curve of a load that changes by so much at each of these moments."""
    curve = Curve(begin, until)
    previous, load = begin, 0
    for moment in sorted(changes):
        curve.add(previous, moment, load)
        load += changes[moment]
        previous = moment
    curve.add(previous, until, load)
    return curve
