"""The next run times of a schedule."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

from croniter import CroniterError, croniter

from deployer.models.description import Schedule, cron_of


def next_runs(schedule: Schedule, now: datetime, count: int = 3) -> list[str]:
    """The next `count` times (ISO 8601, in the schedule's timezone) of a described schedule; none without a cron.

    `now` is an aware time. The cron has Unix cron's five fields, as in the DAG file.
    """
    found = cron_of(schedule)
    if found is None:
        return []
    times = croniter(found.cron, now.astimezone(ZoneInfo(found.timezone or "UTC")), ret_type=datetime)
    return [time.isoformat(timespec="minutes") for time in islice(times, count)]


def minutes_between_runs(schedule: Schedule) -> int | None:
    """The least number of minutes between two runs, at most 60; None without a schedule or with an invalid cron.

    The hour that summer time skips or repeats is not counted.
    """
    found = cron_of(schedule)
    if found is None:
        return None
    try:
        fields, _ = croniter.expand(found.cron)
    except CroniterError:
        return None
    minutes = sorted(_numbers(fields[0], 60))
    gaps = [later - earlier for earlier, later in pairwise(minutes)]
    hours = _numbers(fields[1], 24)
    # The last run of an hour and the first one of the next; that of 23 o'clock may be the last one of several days.
    if any((hour + 1) % 24 in hours for hour in hours):
        gaps.append(60 - minutes[-1] + minutes[0])
    return min(gaps, default=60)


def _numbers(field: Sequence[int | str], count: int) -> set[int]:
    """The values of a field of a cron that croniter expanded."""
    return set(range(count)) if "*" in field else {int(value) for value in field}
