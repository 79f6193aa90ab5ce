"""All times of a schedule between two moments, as Airflow's CronTriggerTimetable finds them, also when clocks change.

`cron_times` finds one time from the other, as Airflow does. On days on which no clock is changed the times of a cron
are the same minutes of each day that it matches, which takes a thousandth of that for a month of many schedules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import chain, takewhile
from zoneinfo import ZoneInfo

from croniter import CroniterError, croniter

from deployer.models.description import Schedule, Times, times_of
from deployer.orchestrators.airflow.cron_times import start_of, times_after

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_EPOCH = datetime(1970, 1, 1)


def start_times(schedule: Schedule, begin: datetime, until: datetime) -> Sequence[int]:
    """The times (Unix seconds, ascending) from `begin` on and before `until`, both aware; none without a cron.

    A schedule with a start date in the future has none before it. An invalid one, which only a file that was edited by
    hand can have, has none.
    """
    found = times_of(schedule)
    if found is None:
        return ()
    first = int(begin.timestamp())
    try:
        if start := start_of(found):
            first = max(first, int(start.timestamp()))
        zone, end = found.timezone or "UTC", int(until.timestamp())
        each = [_times(cron, zone, first, end) for cron in found.crons]
        return each[0] if len(each) == 1 else sorted(set(chain(*each)))
    except (CroniterError, ValueError, KeyError, OSError):
        return ()


def with_minute(schedule: Schedule, minute: int) -> str | None:
    """The cron of a schedule that starts at one minute of its hours, with another minute; None for any other."""
    found = times_of(schedule)
    if found is None or len(found.crons) != 1:
        return None
    first, *others = found.crons[0].split()
    return " ".join([str(minute), *others]) if first.isdecimal() else None


@lru_cache(maxsize=4096)
def _times(cron: str, zone_name: str, begin: int, until: int) -> tuple[int, ...]:
    zone = ZoneInfo(zone_name)
    day = datetime.fromtimestamp(begin, zone).date() - _DAY
    last = datetime.fromtimestamp(until, zone).date() + _DAY
    matches, minutes = _days(cron), _minutes(cron)
    found: list[int] = []
    while day <= last:
        offset = _steady_offset(day, zone)
        if offset is None:
            end = day
            while _steady_offset(end, zone) is None:
                end += _DAY
            end = _first_days_after(cron, day, end, zone) if "*" in croniter.expand(cron)[0][1] else end
            found += _stepped(cron, day, end, zone)
            day = end
            continue
        if matches(day):
            midnight = (day - _EPOCH.date()).days * 86_400 - offset
            found += [midnight + minute * 60 for minute in minutes]
        day += _DAY
    return tuple(moment for moment in found if begin <= moment < until)


def _steady_offset(day: date, zone: ZoneInfo) -> int | None:
    """The seconds that a zone is ahead of UTC on a day; None near a change of the clocks."""
    noon = datetime(day.year, day.month, day.day, 12)
    found = {zone.utcoffset(noon + each) for each in (-_DAY, timedelta(0), _DAY)}
    (offset, *others) = found
    return None if others or offset is None else int(offset.total_seconds())


def _minutes(cron: str) -> list[int]:
    """The minutes of a day at which a cron matches."""
    fields, _ = croniter.expand(cron)
    hours = _numbers(fields[1], 24)
    return [hour * 60 + minute for hour in hours for minute in _numbers(fields[0], 60)]


def _numbers(field: Sequence[int | str], count: int) -> list[int]:
    return [*range(count)] if "*" in field else sorted({int(value) for value in field})


def _days(cron: str) -> Callable[[date], bool]:
    """Whether a cron matches a day. Where it names days of the month and of the week, either is enough."""
    (_, _, days, months, weekdays), special = croniter.expand(cron)
    if special or not all(isinstance(value, int) or value == "*" for value in (*days, *months, *weekdays)):

        def asked(day: date) -> bool:
            return bool(croniter.match(cron, _first_minute(cron, day)))

        return asked

    def matches(day: date) -> bool:
        if "*" not in months and day.month not in months:
            return False
        of_month, of_week = "*" not in days, "*" not in weekdays
        in_month, in_week = day.day in days, day.isoweekday() % 7 in weekdays
        if of_month and of_week:
            return in_month or in_week
        return (in_month or not of_month) and (in_week or not of_week)

    return matches


def _first_minute(cron: str, day: date) -> datetime:
    first = _minutes(cron)[0]
    return datetime(day.year, day.month, day.day, first // 60, first % 60)


def _first_days_after(cron: str, day: date, end: date, zone: ZoneInfo) -> date:
    """The end of the first days with times from `end` on, where none is between the change of the clocks and `end`.

    Airflow counts hours from the last time before the change, so that the first time after it is off by that change.
    """
    following = _following(cron, day, zone)
    last, first = None, next(following)
    while first.date() < end:
        last, first = first, next(following)
    is_counted_over_it = last is None or last.utcoffset() != first.utcoffset()
    # A time that comes an hour early may be on the day before.
    return first.date() + 2 * _DAY if is_counted_over_it else end


def _stepped(cron: str, day: date, end: date, zone: ZoneInfo) -> Iterator[int]:
    """The times of days on which the clocks change, one from the other as Airflow does it."""
    following = _following(cron, day, zone)
    return (int(moment.timestamp()) for moment in takewhile(lambda moment: moment.date() < end, following))


def _following(cron: str, day: date, zone: ZoneInfo) -> Iterator[datetime]:
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    return times_after(Times((cron,), zone.key, catchup=False, start_date=None), midnight - _SECOND)
