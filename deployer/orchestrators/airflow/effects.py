"""What a change does to the runs of its DAG: other run times, runs that start at once, changed steps."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice, takewhile

from croniter import CroniterError

from deployer.description import order_is_known
from deployer.models.description import (
    Description,
    NativeDescription,
    NoSchedule,
    Schedule,
    Times,
    same_value,
    times_of,
)
from deployer.models.plan import Change, Effect
from deployer.orchestrators.airflow.cron_times import latest_before, next_times, start_of, times_after, zone_of

MAX_COUNTED_RUNS = 1000
_SECOND = timedelta(seconds=1)
_SHOWN = 3


def effects(change: Change, since: datetime | None, now: datetime, ran: datetime | None = None) -> tuple[Effect, ...]:
    """The effects of a change that creates or updates a DAG; none for any other.

    `since` is when the DAG was first applied (None if it never was), `ran` the time of its schedule that it ran for
    last (None if that is not known). All are aware.
    """
    before, after = change.before, change.after
    if not change.writes or after is None:
        return ()
    return (
        *_schedule_effects(before, after, since, now, ran),
        *_paused_effects(change, after),
        *_content_effects(before, after),
    )


def _paused_effects(change: Change, after: Description) -> Iterator[Effect]:
    """Airflow creates a DAG paused unless its file says otherwise. One that it knows already stays as it is."""
    words = {reason.word for reason in change.reasons}
    if "new" in words and "restored" not in words and after.settings.value("paused") is not False:
        yield Effect("created paused")


def _schedule_effects(
    before: Description | NativeDescription | None,
    after: Description,
    since: datetime | None,
    now: datetime,
    ran: datetime | None,
) -> Iterator[Effect]:
    if before is not None and before.schedule == after.schedule:
        return
    deployed = _valid_times(before.schedule) if before is not None else None
    times = times_of(after.schedule)
    old, new = _next_times(deployed, now), _next_times(times, now)
    if old != new:
        yield Effect("next runs", before=old, after=new)
    if times is not None:
        last = ran
        if last is None and deployed:
            last = _last_time(deployed, _start_time(deployed, since or now), now)
        yield from _immediate_runs(times, after, last, since or now, now)


def _valid_times(schedule: Schedule) -> Times | None:
    """The times of a deployed schedule; None if there are none, or if it was edited by hand and is not valid."""
    found = times_of(schedule)
    if found is None:
        return None
    try:
        zone_of(found)
        _start_time(found, datetime.max)
    except (ValueError, KeyError, OSError):  # zoneinfo raises all of these for an invalid name
        return None
    return found


def _next_times(times: Times | None, now: datetime) -> tuple[str, ...]:
    # None where a native DAG has a cron that croniter does not support.
    return tuple(_format(time) for time in islice(next_times(times, now), _SHOWN)) if times else ()


def _immediate_runs(
    times: Times, after: Description, last: datetime | None, since: datetime, now: datetime
) -> Iterator[Effect]:
    """The runs that Airflow starts at once: one for each time since the last run with `catchup`, else only the latest.

    This is the rule of Airflow's CronTriggerTimetable, and of that for several crons. Where no Airflow was asked, the
    last run is assumed at the last time of the old schedule.
    """
    start = _start_time(times, since)
    if times.catchup:
        yield from _catch_up(times, last or start - _SECOND, now, after.settings.value("max_active_runs"))
        return
    latest = _last_time(times, start, now)
    if latest and (last is None or latest > last):
        yield Effect("starts now", after=(_format(latest),))


def _catch_up(times: Times, last: datetime, now: datetime, at_a_time: object) -> Iterator[Effect]:
    passed = list(islice(_times_between(times, last, now), MAX_COUNTED_RUNS + 1))
    if passed:
        yield Effect(
            "catch-up",
            after=(_format(passed[0]),),
            count=min(len(passed), MAX_COUNTED_RUNS),
            more=len(passed) > MAX_COUNTED_RUNS,
            at_a_time=at_a_time if isinstance(at_a_time, int) else None,
        )


def _start_time(times: Times, since: datetime) -> datetime:
    return start_of(times) or since


def _last_time(times: Times, start: datetime, now: datetime) -> datetime | None:
    """The last time of a schedule up to `now`; None if there is none since `start`."""
    try:
        found = latest_before(times, now + _SECOND)
    except CroniterError:
        return None
    return found if found >= start else None


def _times_between(times: Times, after: datetime, until: datetime) -> Iterator[datetime]:
    return takewhile(lambda time: time <= until, times_after(times, after))


def _format(time: datetime) -> str:
    return time.isoformat(timespec="minutes")


def _content_effects(before: Description | NativeDescription | None, after: Description) -> Iterator[Effect]:
    """What changes in a deployed DAG besides its schedule."""
    deployed = before if isinstance(before, Description) else None
    if deployed and deployed.code.files != after.code.files:
        yield Effect("code")
    scheduled = not isinstance(after.schedule, NoSchedule)
    if before and scheduled and (names := _new_defaults(before, after)):
        yield Effect("parameters", names)
    if deployed:
        yield from _step_effects(deployed, after)
        if deployed.settings.value("paused") != after.settings.value("paused"):
            yield Effect("paused")


def _new_defaults(before: Description | NativeDescription, after: Description) -> tuple[str, ...]:
    """The parameters whose default changes."""
    shared = sorted(before.parameters.keys() & after.parameters.keys())
    pairs = {name: (before.parameters[name].default, after.parameters[name].default) for name in shared}
    is_exact = isinstance(before, NativeDescription) or order_is_known(before, after)
    return tuple(name for name, (old, new) in pairs.items() if old != new or (is_exact and not same_value(old, new)))


def _step_effects(before: Description, after: Description) -> Iterator[Effect]:
    old, new = before.graph.steps.keys(), after.graph.steps.keys()
    if old - new:
        yield Effect("steps removed", tuple(sorted(old - new)))
    if new - old:
        yield Effect("steps added", tuple(sorted(new - old)))
    names = tuple(name for name in sorted(old & new) if before.retries.get(name) != after.retries.get(name))
    if names:
        yield Effect("retries", names)
