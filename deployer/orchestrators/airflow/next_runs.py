"""The next run times of a schedule."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import islice, pairwise

from croniter import CroniterError, croniter

from deployer.models.description import Schedule, times_of
from deployer.orchestrators.airflow.cron_times import next_times


def next_runs(schedule: Schedule, now: datetime, count: int = 3) -> list[str]:
    """The next `count` times (ISO 8601, in the schedule's timezone) of a described schedule; none without a cron.

    None is before the start date. `now` is an aware time. The cron has Unix cron's five fields, as in the DAG file.
    """
    found = times_of(schedule)
    if found is None:
        return []
    return [time.isoformat(timespec="minutes") for time in islice(next_times(found, now), count)]


def minutes_between_runs(schedule: Schedule) -> int | None:
    """The least number of minutes between two runs, at most 60; None without a schedule or with an invalid cron.

    The hour that summer time skips or repeats is not counted.
    """
    found = times_of(schedule)
    if found is None:
        return None
    try:
        expanded = [croniter.expand(cron)[0] for cron in found.crons]
    except CroniterError:
        return None
    minutes = sorted(
        {
            60 * hour + minute
            for fields in expanded
            for hour in _numbers(fields[1], 24)
            for minute in _numbers(fields[0], 60)
        }
    )
    # The last run of a day may be one of several days.
    return min(60, *(later - earlier for earlier, later in pairwise([*minutes, minutes[0] + 24 * 60])))


def _numbers(field: Sequence[int | str], count: int) -> set[int]:
    """The values of a field of a cron that croniter expanded."""
    return set(range(count)) if "*" in field else {int(value) for value in field}
