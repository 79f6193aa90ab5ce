"""The next run times of a schedule."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from zoneinfo import ZoneInfo

from croniter import croniter

from deployer.models.description import NoSchedule, Schedule


def next_runs(schedule: Schedule, now: datetime, count: int = 3) -> list[str]:
    """The next `count` times (ISO 8601, in the schedule's timezone) of a described schedule; none without a cron.

    `now` is an aware time. The cron has Unix cron's five fields, as in the DAG file.
    """
    if isinstance(schedule, NoSchedule):
        return []
    times = croniter(schedule.cron, now.astimezone(ZoneInfo(schedule.timezone or "UTC")), ret_type=datetime)
    return [time.isoformat(timespec="minutes") for time in islice(times, count)]
