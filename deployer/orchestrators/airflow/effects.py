"""What a change does to the runs of its DAG, as of now: a schedule that moves, runs that start at once, steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from itertools import islice, takewhile
from typing import Any
from zoneinfo import ZoneInfo

from deployer.models.plan import Change, Effect
from deployer.orchestrators.airflow.next_runs import next_runs

MOST_RUNS = 1000
_SECOND = timedelta(seconds=1)
Schedule = Mapping[str, Any]


def effects(change: Change, since: datetime | None, now: datetime) -> tuple[Effect, ...]:
    """The effects of a change that is created or updated; none for any other.

    `since` is when the DAG was first applied (aware; None when it was not), `now` an aware time.
    """
    if not change.writes or change.after is None:
        return ()
    return (*_of_schedule(change, since, now), *_of_content(change.before or {}, change.after))


def _of_schedule(change: Change, since: datetime | None, now: datetime) -> Iterator[Effect]:
    assert change.after is not None
    before, after = _understood((change.before or {}).get("schedule") or {}), change.after["schedule"]
    if change.before is not None and before == after:
        return
    times = _next(before, now), _next(after, now)
    if times[0] != times[1]:
        yield Effect("next runs", before=times[0], after=times[1])
    if after["cron"]:
        yield from _at_once(change, before, after, since or now, now)


def _understood(schedule: Schedule) -> Schedule:
    """A deployed schedule; an empty one where it was edited into what none is."""
    try:
        _zone(schedule)
        _start(schedule, datetime.max)
    except (ValueError, KeyError, TypeError, OSError):  # what zoneinfo raises for a name that is none
        return {}
    return schedule if isinstance(schedule.get("cron"), str | None) else {}


def _next(schedule: Schedule, now: datetime) -> tuple[str, ...]:
    from croniter import CroniterError

    try:
        return tuple(next_runs(schedule, now)) if schedule else ()
    except CroniterError:  # a stock DAG may have what no cron of Unix is
        return ()


def _at_once(change: Change, before: Schedule, after: Schedule, since: datetime, now: datetime) -> Iterator[Effect]:
    """The times of the new schedule that have passed since the last run: with `catchup` each gets one, else the last.

    The rule of Airflow's CronTriggerTimetable; the last run is taken to be that of the old schedule's last time.
    """
    assert change.after is not None
    start = _start(after, since)
    last = _last(before, _start(before, since), now) if change.before is not None else None
    if after["catchup"]:
        passed = list(islice(_times(after, last or start - _SECOND, now), MOST_RUNS + 1))
        if passed:
            count, at_a_time = min(len(passed), MOST_RUNS), change.after["settings"]["max_active_runs"]
            more = len(passed) > MOST_RUNS
            yield Effect("catch-up", after=(_text(passed[0]),), count=count, more=more, at_a_time=at_a_time)
        return
    latest = _last(after, start, now)
    if latest and (last is None or latest > last):
        yield Effect("starts now", after=(_text(latest),))


def _start(schedule: Schedule, since: datetime) -> datetime:
    day = schedule.get("start_date")
    return datetime.fromisoformat(day).replace(tzinfo=timezone.utc) if day else since


def _last(schedule: Schedule, start: datetime, now: datetime) -> datetime | None:
    """The last time of a schedule until now; None where it has none, or none since its start."""
    from croniter import CroniterError, croniter

    if not schedule.get("cron"):
        return None
    try:
        iterator = croniter(schedule["cron"], (now + _SECOND).astimezone(_zone(schedule)), ret_type=datetime)
        found: datetime = iterator.get_prev()
    except CroniterError:
        return None
    return found if found >= start else None


def _times(schedule: Schedule, after: datetime, until: datetime) -> Iterator[datetime]:
    from croniter import croniter

    times = croniter(schedule["cron"], after.astimezone(_zone(schedule)), ret_type=datetime)
    return takewhile(lambda time: time <= until, times)


def _zone(schedule: Schedule) -> ZoneInfo:
    return ZoneInfo(schedule.get("timezone") or "UTC")


def _text(time: datetime) -> str:
    return time.isoformat(timespec="minutes")


def _of_content(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Effect]:
    """What a DAG that is deployed already does otherwise, and what a new foreach needs of Airflow."""
    if "files" in before.get("code", {}) and before["code"]["files"] != after["code"]["files"]:
        yield Effect("code")
    parameters = before.get("parameters", {})
    shared = [name for name in sorted(after["parameters"]) if name in parameters]
    names = tuple(name for name in shared if _default(parameters, name) != _default(after["parameters"], name))
    if names:
        yield Effect("parameters", names)
    foreaches = _foreaches(after) - _foreaches(before)
    if foreaches:
        yield Effect("foreach", tuple(sorted(foreaches)))
    yield from _of_steps(before, after)
    if "settings" in before and before["settings"].get("paused") != after["settings"]["paused"]:
        yield Effect("paused")


def _of_steps(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Effect]:
    if "graph" not in before:
        return
    old, new = set(before["graph"]["steps"]), set(after["graph"]["steps"])
    if old - new:
        yield Effect("steps removed", tuple(sorted(old - new)))
    if new - old:
        yield Effect("steps added", tuple(sorted(new - old)))
    retries = before.get("retries", {})
    names = tuple(name for name in sorted(old & new) if retries.get(name) != after["retries"].get(name))
    if names:
        yield Effect("retries", names)


def _foreaches(description: Mapping[str, Any]) -> set[str]:
    """The steps that choose a number of items, which nobody knows before they ran. A deployed graph may be edited."""
    steps = description.get("graph", {}).get("steps", {})
    return {name for name, step in steps.items() if isinstance(step, Mapping) and step.get("kind") == "foreach"}


def _default(parameters: Mapping[str, Any], name: str) -> Any:
    return parameters[name].get("default")
