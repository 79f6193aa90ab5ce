"""What comes of a simulation: the load over time, and what waited when."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from deployer.forecasting.load import Hour, curve_of

MINUTE = 60


@dataclass
class Course:
    """What came of a simulation: the load, and what waited.

    `changes` are those of the load by moment. `waiting_tasks` and `waiting_runs` have the most in each minute (by its
    number since 1970) in which any waited for a slot, or for an earlier run of their job. `started` counts the runs
    that started since `begin` by job; `tasks` the tasks.
    """

    begin: int
    until: int
    changes: dict[int, int] = field(default_factory=dict)
    waiting_tasks: dict[int, int] = field(default_factory=dict)
    waiting_runs: dict[int, int] = field(default_factory=dict)
    started: dict[int, int] = field(default_factory=dict)
    tasks: int = 0

    @cached_property
    def hours(self) -> list[Hour]:
        """The load by hour."""
        return curve_of(self.changes, self.begin, self.until).hours()

    def wait(self, begin: int, end: int, tasks: int, runs: int) -> None:
        """Between two moments so many waited."""
        first, last = max(begin, self.begin), min(end, self.until)
        if not (tasks or runs) or first >= last:
            return
        for minute in range(first // MINUTE, -(-last // MINUTE)):
            if tasks > self.waiting_tasks.get(minute, 0):
                self.waiting_tasks[minute] = tasks
            if runs > self.waiting_runs.get(minute, 0):
                self.waiting_runs[minute] = runs
