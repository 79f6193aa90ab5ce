"""When a schedule will start its next runs."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from zoneinfo import ZoneInfo

from deployer.models.description import NoSchedule, Schedule


def next_runs(schedule: Schedule, now: datetime, count: int = 3) -> list[str]:
    """The next `count` times (ISO 8601, in the schedule's timezone) of a described schedule; none without a cron.

    `now` is an aware time. The expression has Unix cron's five fields, as Airflow gets it.
    """
    if isinstance(schedule, NoSchedule):
        return []
    from croniter import croniter

    times = croniter(schedule.cron, now.astimezone(ZoneInfo(schedule.timezone or "UTC")), ret_type=datetime)
    return [time.isoformat(timespec="minutes") for time in islice(times, count)]
