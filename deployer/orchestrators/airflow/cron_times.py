"""The times of crons as Airflow finds them, also where clocks are changed.

Source: CronMixin in airflow/timetables/_cron.py. A cron is read on the clock of its timezone. What the clock leaves out
comes as much later, and what it shows twice comes the second time; a cron of each hour comes each hour.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from heapq import merge
from itertools import groupby
from zoneinfo import ZoneInfo

from croniter import croniter

from deployer.models.description import Times

_SECOND = timedelta(seconds=1)


def times_after(times: Times, moment: datetime) -> Iterator[datetime]:
    """The times after a moment, in order and each once, in the timezone of the schedule.

    Raises CroniterError, and what zoneinfo raises, for a schedule that is not valid.
    """
    start = moment.astimezone(zone_of(times))
    # By the moment: within one timezone Python compares what clocks show, which the end of summer time repeats.
    ordered = merge(*(_times(cron, start) for cron in times.crons), key=datetime.timestamp)
    return (next(same) for _, same in groupby(ordered, key=datetime.timestamp))


def next_times(times: Times, now: datetime) -> Iterator[datetime]:
    """The times after `now` at which runs start, as far as the calendar goes: none before the start date.

    Raises what zoneinfo raises, and ValueError for an invalid start date. A cron that is not valid has no times.
    """
    start = start_of(times)
    found = times_after(times, now if start is None or start <= now else start - _SECOND)
    return _to_the_end(found)


def _to_the_end(found: Iterator[datetime]) -> Iterator[datetime]:
    with suppress(OverflowError, ValueError):  # after the year 9999, which some write for never
        yield from found


def start_of(times: Times) -> datetime | None:
    """The first moment of the start date; None if there is none. Raises ValueError for an invalid one."""
    return datetime.fromisoformat(times.start_date).replace(tzinfo=timezone.utc) if times.start_date else None


def latest_before(times: Times, moment: datetime) -> datetime:
    """The latest time before a moment. Raises as `times_after` does."""
    start = moment.astimezone(zone_of(times))
    return max((_latest(cron, start) for cron in times.crons), key=datetime.timestamp)


def zone_of(times: Times) -> ZoneInfo:
    """The timezone of a schedule. Raises ValueError, KeyError or OSError for an invalid name."""
    return ZoneInfo(times.timezone or "UTC")


def _times(cron: str, start: datetime) -> Iterator[datetime]:
    last = start
    following = _each_hour(cron, start) if _comes_each_hour(_clock(cron, start)) else _by_the_clock(cron, start)
    for moment in following:
        if moment.timestamp() > last.timestamp():
            yield moment
            last = moment


def _by_the_clock(cron: str, start: datetime) -> Iterator[datetime]:
    clock = _clock(cron, start)
    while True:
        shown = clock.get_next()
        moment = _moment(shown, start)
        if moment.replace(tzinfo=None) != shown:  # what else the clock leaves out is no later than this
            clock = _clock(cron, moment)
        yield moment


def _each_hour(cron: str, start: datetime) -> Iterator[datetime]:
    moment, clock = start, _clock(cron, start)
    while True:
        following = _later(moment, clock.get_next())
        if following.utcoffset() != moment.utcoffset():  # a clock that goes on shows another time now
            clock = _clock(cron, following)
        moment = following
        yield moment


def _latest(cron: str, start: datetime) -> datetime:
    clock = _clock(cron, start)
    if _comes_each_hour(clock):
        return _later(start, clock.get_prev())
    while True:
        shown = clock.get_prev()
        moment = _moment(shown, start)
        if moment.timestamp() < start.timestamp() and not _is_left_out_with_another(cron, shown, start):
            return moment


def _is_left_out_with_another(cron: str, shown: datetime, start: datetime) -> bool:
    """Whether the clock leaves out a time and an earlier one of the cron: only the first of those starts a run."""

    def is_left_out(time: datetime) -> bool:
        return _moment(time, start).replace(tzinfo=None) != time

    return is_left_out(shown) and is_left_out(_clock(cron, shown).get_prev())


def _clock(cron: str, moment: datetime) -> croniter[datetime]:
    return croniter(cron, moment.replace(tzinfo=None), ret_type=datetime)


def _comes_each_hour(clock: croniter[datetime]) -> bool:
    return bool(clock.expanded[1] == ["*"])


def _later(moment: datetime, shown: datetime) -> datetime:
    """The moment that is as much later (or earlier) as the clock says."""
    passed = shown - moment.replace(tzinfo=None)
    return (moment.astimezone(timezone.utc) + passed).astimezone(moment.tzinfo)


def _moment(shown: datetime, start: datetime) -> datetime:
    """The moment at which the clock of a timezone shows a time."""
    first, second = (shown.replace(tzinfo=start.tzinfo, fold=fold) for fold in (0, 1))
    is_twice = first.timestamp() < second.timestamp()
    return (second if is_twice else first).astimezone(timezone.utc).astimezone(start.tzinfo)
