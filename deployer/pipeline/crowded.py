"""Minutes in which many runs will start: what a change of a schedule adds to them. Nothing is simulated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from deployer.models.description import DeployedDescription, Schedule, Times, times_of
from deployer.models.desired import EnvironmentState
from deployer.models.plan import Change, Effect
from deployer.orchestrators.protocol import Orchestrator
from deployer.pipeline.load import deployed, planned

LEAST = 10
"""Fewer runs in a minute are not worth a sentence in a plan."""

_AHEAD = timedelta(days=7)


class Crowd:
    """The starts of the next week in one environment, with the changes of a plan made."""

    def __init__(
        self, state: EnvironmentState, changes: Sequence[Change], orchestrator: Orchestrator, now: datetime
    ) -> None:
        self._state, self._changes = state, changes
        self._orchestrator, self._now = orchestrator, now

    def effects(self, change: Change) -> Iterator[Effect]:
        """That many runs start with those of this change, if its times are new; for the most crowded minute."""
        times = _times(change.after)
        if change.after is None or times is None or times == _times(change.before):
            return
        starts = self._starts(change.after.schedule)
        counts = self._counts if starts else {}
        most = max(starts, key=lambda start: (counts[start], -start), default=0)
        if starts and counts[most] >= LEAST:
            zone = ZoneInfo(times.timezone or "UTC")
            at = datetime.fromtimestamp(most, zone).isoformat(timespec="minutes")
            yield Effect("collision", after=(at,), count=counts[most])

    @cached_property
    def _counts(self) -> Counter[int]:
        """How many runs start at each moment. Deployments with the same times are asked about once."""
        schedules: dict[Times, tuple[Schedule, int]] = {}
        for times, schedule in self._scheduled():
            _, count = schedules.get(times, (schedule, 0))
            schedules[times] = schedule, count + 1
        found: Counter[int] = Counter()
        for schedule, count in schedules.values():
            for start in self._starts(schedule):
                found[start] += count
        return found

    def _scheduled(self) -> Iterable[tuple[Times, Schedule]]:
        for each in planned(deployed(self._state), self._changes).values():
            times = _times(each.description)
            if each.description is not None and times is not None:
                yield times, each.description.schedule

    def _starts(self, schedule: Schedule) -> Sequence[int]:
        return self._orchestrator.start_times(schedule, self._now, self._now + _AHEAD)


def _times(description: DeployedDescription | None) -> Times | None:
    return times_of(description.schedule) if description is not None else None
