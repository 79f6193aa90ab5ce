"""When a schedule will start its next runs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo


def next_runs(schedule: Mapping[str, Any], now: datetime, count: int = 3) -> list[str]:
    """The next `count` times (ISO 8601, in the schedule's timezone) of a described schedule; none without a cron.

    `now` is an aware time. The expression has Unix cron's five fields, as Airflow gets it.
    """
    if not schedule["cron"]:
        return []
    from croniter import croniter

    times = croniter(schedule["cron"], now.astimezone(ZoneInfo(schedule.get("timezone") or "UTC")), ret_type=datetime)
    return [time.isoformat(timespec="minutes") for time in islice(times, count)]
