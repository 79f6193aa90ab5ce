"""What a change does to the runs of its DAG, as of now: a schedule that moves, runs that start at once, steps."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from deployer.models.description import (
    CronSchedule,
    Description,
    NativeDescription,
    NoSchedule,
    Schedule,
)
from deployer.models.plan import Change, Effect
from deployer.orchestrators.airflow.next_runs import next_runs

MOST_RUNS = 1000
_SECOND = timedelta(seconds=1)


def effects(change: Change, since: datetime | None, now: datetime) -> tuple[Effect, ...]:
    """The effects of a change that is created or updated; none for any other.

    `since` is when the DAG was first applied (aware; None when it was not), `now` an aware time.
    """
    before, after = change.before, change.after
    if not change.writes or after is None:
        return ()
    return (*_of_schedule(before, after, since, now), *_of_content(before, after))


def _of_schedule(
    before: Description | NativeDescription | None, after: Description, since: datetime | None, now: datetime
) -> Iterator[Effect]:
    if before is not None and before.schedule == after.schedule:
        return
    deployed = _understood(before.schedule) if before is not None else None
    times = _next(deployed, now), _next(after.schedule, now)
    if times[0] != times[1]:
        yield Effect("next runs", before=times[0], after=times[1])
    if not isinstance(after.schedule, NoSchedule):
        last = _last(deployed, _start(deployed, since or now), now) if deployed else None
        yield from _at_once(after.schedule, after, last, since or now, now)


def _understood(schedule: Schedule) -> CronSchedule | None:
    """A deployed schedule; None where there is none, or where somebody edited it into what is not a schedule."""
    if isinstance(schedule, NoSchedule):
        return None
    try:
        _zone(schedule)
        _start(schedule, datetime.max)
    except (ValueError, KeyError, OSError):  # what zoneinfo raises for what is not the name of a timezone
        return None
    return schedule


def _next(schedule: Schedule | None, now: datetime) -> tuple[str, ...]:
    from croniter import CroniterError

    try:
        return tuple(next_runs(schedule, now)) if schedule else ()
    except CroniterError:  # the cron of a native DAG may be one that Unix does not have
        return ()


def _at_once(
    schedule: CronSchedule, after: Description, last: datetime | None, since: datetime, now: datetime
) -> Iterator[Effect]:
    """The times of the new schedule that have passed since the last run: with `catchup` each gets one, else the last.

    The rule of Airflow's CronTriggerTimetable; the last run is taken to be that of the old schedule's last time.
    """
    start = _start(schedule, since)
    if schedule.catchup:
        yield from _catch_up(schedule, last or start - _SECOND, now, after.settings.value("max_active_runs"))
        return
    latest = _last(schedule, start, now)
    if latest and (last is None or latest > last):
        yield Effect("starts now", after=(_text(latest),))


def _catch_up(schedule: CronSchedule, last: datetime, now: datetime, at_a_time: object) -> Iterator[Effect]:
    passed = list(islice(_times(schedule, last, now), MOST_RUNS + 1))
    if passed:
        yield Effect(
            "catch-up",
            after=(_text(passed[0]),),
            count=min(len(passed), MOST_RUNS),
            more=len(passed) > MOST_RUNS,
            at_a_time=at_a_time if isinstance(at_a_time, int) else None,
        )


def _start(schedule: CronSchedule, since: datetime) -> datetime:
    day = schedule.start_date
    return datetime.fromisoformat(day).replace(tzinfo=timezone.utc) if day else since


def _last(schedule: CronSchedule, start: datetime, now: datetime) -> datetime | None:
    """The last time of a schedule until now; None where it has none, or none since its start."""
    from croniter import CroniterError, croniter

    try:
        iterator = croniter(schedule.cron, (now + _SECOND).astimezone(_zone(schedule)), ret_type=datetime)
        found: datetime = iterator.get_prev()
    except CroniterError:
        return None
    return found if found >= start else None


def _times(schedule: CronSchedule, after: datetime, until: datetime) -> Iterator[datetime]:
    from croniter import croniter

    times = croniter(schedule.cron, after.astimezone(_zone(schedule)), ret_type=datetime)
    return takewhile(lambda time: time <= until, times)


def _zone(schedule: CronSchedule) -> ZoneInfo:
    return ZoneInfo(schedule.timezone or "UTC")


def _text(time: datetime) -> str:
    return time.isoformat(timespec="minutes")


def _of_content(before: Description | NativeDescription | None, after: Description) -> Iterator[Effect]:
    """What a DAG that is deployed already does otherwise, and what a new foreach needs of Airflow."""
    deployed = before if isinstance(before, Description) else None
    if deployed and deployed.code.files != after.code.files:
        yield Effect("code")
    if before and (names := _new_defaults(before, after)):
        yield Effect("parameters", names)
    if foreaches := _foreaches(after) - (_foreaches(deployed) if deployed else set()):
        yield Effect("foreach", tuple(sorted(foreaches)))
    if deployed:
        yield from _of_steps(deployed, after)
        if deployed.settings.value("paused") != after.settings.value("paused"):
            yield Effect("paused")


def _new_defaults(before: Description | NativeDescription, after: Description) -> tuple[str, ...]:
    """The parameters that had another default."""
    shared = sorted(before.parameters.keys() & after.parameters.keys())
    return tuple(name for name in shared if before.parameters[name].default != after.parameters[name].default)


def _of_steps(before: Description, after: Description) -> Iterator[Effect]:
    old, new = before.graph.steps.keys(), after.graph.steps.keys()
    if old - new:
        yield Effect("steps removed", tuple(sorted(old - new)))
    if new - old:
        yield Effect("steps added", tuple(sorted(new - old)))
    names = tuple(name for name in sorted(old & new) if before.retries.get(name) != after.retries.get(name))
    if names:
        yield Effect("retries", names)


def _foreaches(description: Description) -> set[str]:
    """The steps that choose a number of items, which nobody knows before they ran."""
    return {name for name, step in description.graph.steps.items() if step.kind == "foreach"}
