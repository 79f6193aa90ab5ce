"""Translates the schedule of a manifest or of `@schedule` to the five-field cron that Airflow supports.

Metaflow's documentation uses the AWS form of a cron (``0 10 * * ? *``: minute, hour, day of month, month, day of week
with 1 for Sunday, year). Airflow would read its sixth field as seconds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timezone

from croniter import CroniterBadDateError, croniter

from deployer.errors import DeployError, Diagnostic, Location, Severity
from deployer.manifest.formats import is_timezone
from deployer.models.deployment import Deployment, Schedule
from deployer.models.flow import Flow
from deployer.models.flow_location import flow_location
from deployer.orchestrators.airflow.cron_fields import compact
from deployer.orchestrators.airflow.joined_crons import joined_crons

# Weekly is Sunday at midnight, as with `@schedule(weekly=True)`.
WORDS = {"hourly": "0 * * * *", "daily": "0 0 * * *", "weekly": "0 0 * * 0"}
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_DAY_NAMES = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
# Not the step of a range: in 2/3 the days are every third from 2 on.
_WEEKDAY_NUMBERS = re.compile(r"(?<![/\d])[1-7](?!\d)")
_MAX_CHARACTERS = 1_000  # a cron that lists every minute, hour, day and month has 400
_HINT = "write five fields, such as '0 3 * * *', or hourly, daily or weekly"


def schedule_of(deployment: Deployment, flow: Flow) -> Schedule | None:
    """The schedule that the DAG gets: five-field crons and timezone; None for a DAG that is only triggered.

    Several crons that one can say together are joined into one. Raises DeployError for one that cannot be translated.
    """
    problem = find_problem(deployment, flow)
    if problem:
        raise DeployError(problem)
    written = _written(deployment, flow)
    if written is None:
        return None
    crons = joined_crons([translate(cron) for cron in written[0]])
    return Schedule(cron=crons[0] if len(crons) == 1 else crons, timezone=written[1] or "UTC")


def find_problem(deployment: Deployment, flow: Flow) -> Diagnostic | None:
    """Why Airflow cannot run the schedule, located where it is written; None if it can."""
    written = _written(deployment, flow)
    if written is None:
        return None
    crons, zone = written
    of_manifest = deployment.schedule is not None
    problem = _problem_of(crons)
    if problem:
        location = _location(deployment, flow, "schedule.cron")
        path = _path(deployment, "schedule.cron") if of_manifest else ""
        return Diagnostic("bad-schedule", problem[0], location, path, problem[1])
    if zone is not None and not is_timezone(zone):
        location = _location(deployment, flow, "schedule.timezone")
        path = _path(deployment, "schedule.timezone") if of_manifest else ""
        hint = "use a name of the IANA timezone database, such as Europe/Helsinki"
        return Diagnostic("bad-schedule", f"unknown timezone {zone!r}", location, path, hint)
    return None


def _problem_of(crons: Sequence[str]) -> tuple[str, str] | None:
    """What is wrong with the crons, and a hint."""
    known: set[str] = set()
    for cron in crons:
        shown = cron[:_MAX_CHARACTERS]
        try:
            translated = translate(cron)
        except ValueError as error:
            return f"the schedule {shown!r} {error}", _HINT
        if translated in known:
            return f"the schedule has the cron {shown!r} twice", "a run starts once at each time: leave one of them out"
        known.add(translated)
    return None


def find_numbered_days(deployment: Deployment, flow: Flow) -> Diagnostic | None:
    """A warning for an AWS cron with days of the week by number, which other schedulers of Metaflow count from 0."""
    written = _written(deployment, flow)
    for cron in written[0] if written is not None else ():
        fields = cron.split()
        numbers = sorted({int(number) for number in _WEEKDAY_NUMBERS.findall(fields[4])}) if len(fields) == 6 else []
        if numbers:
            return _numbered_days(deployment, flow, fields, numbers)
    return None


def _numbered_days(deployment: Deployment, flow: Flow, fields: Sequence[str], numbers: Sequence[int]) -> Diagnostic:
    days = " and ".join(f"day {number} is {_DAY_NAMES[number - 1]}" for number in numbers)
    message = f"in the schedule {' '.join(fields)!r} {days}, as AWS counts; Argo Workflows counts from 0"
    named = ",".join(_by_name(part) for part in fields[4].split(","))
    return Diagnostic(
        code="numbered-days",
        message=message,
        location=_location(deployment, flow, "schedule.cron"),
        path=_path(deployment, "schedule.cron") if deployment.schedule is not None else "",
        hint=f"write {named} for the day of the week, which all of them read alike",
        severity=Severity.WARNING,
    )


def _by_name(days: str) -> str:
    """One part of the day-of-week field of an AWS cron by names of days. A range over the end of the week becomes its
    days: AWS takes it, and Argo Workflows does not.
    """
    ends = [_number(end, 1, 7, _DAYS) for end in days.partition("/")[0].split("-") if end not in ("*", "?")]
    if len(ends) == 2 and ends[0] > ends[1]:
        return ",".join(_DAYS[day - 1] for day in sorted(_values(days, 1, 7, _DAYS)))
    return _WEEKDAY_NUMBERS.sub(lambda found: _DAYS[int(found[0]) - 1], days)


def translate(cron: str) -> str:
    """A five-field cron that fires at the same times as `cron`. Raises ValueError with the reason if there is none."""
    if len(cron) > _MAX_CHARACTERS:
        raise ValueError(f"has {len(cron):,} characters, at most {_MAX_CHARACTERS:,} are allowed")
    text = " ".join(cron.split())
    fields = WORDS.get(text, text).split(" ")
    if len(fields) == 6:
        fields = _from_aws(fields)
    if len(fields) != 5:
        count = "1 field" if len(fields) == 1 else f"{len(fields)} fields"
        raise ValueError(f"has {count}, expected 5 (or 6 in the form of AWS)")
    fields = ["*" if field == "?" else field for field in fields]
    unknown = [word for field in fields for word in re.findall(r"[A-Za-z@]+", field) if not _is_name(word)]
    if unknown:
        raise ValueError(f"contains {unknown[0]!r}, which some versions of Airflow do not support")
    translated = " ".join(fields)
    if not croniter.is_valid(translated):
        raise ValueError("is not a cron expression")
    try:
        croniter(translated, datetime(2024, 1, 1, tzinfo=timezone.utc)).get_next(datetime)
    except CroniterBadDateError:
        raise ValueError("never fires") from None
    return translated


def _written(deployment: Deployment, flow: Flow) -> tuple[Sequence[str], str | None] | None:
    if deployment.schedule is not None:
        crons = deployment.schedule.crons
        return (crons, deployment.schedule.timezone) if crons else None
    return ((flow.schedule.cron,), flow.schedule.timezone) if flow.schedule else None


def _location(deployment: Deployment, flow: Flow, setting: str) -> Location:
    if deployment.schedule is None and flow.schedule is not None:
        return flow_location(deployment, flow.schedule.line)
    return deployment.sources.get(setting, deployment.source("schedule"))


def _path(deployment: Deployment, setting: str) -> str:
    return f"flows.{deployment.name}.{setting}"


def _is_name(word: str) -> bool:
    return word.upper() in _MONTHS or word.upper() in _DAYS


def _from_aws(fields: Sequence[str]) -> list[str]:
    """Five fields for the six of AWS. Source of the rules: Amazon EventBridge, "Cron expressions reference"."""
    minute, hour, day, month, weekday, year = fields
    if year not in ("*", "?"):
        raise ValueError(f"sets the year {year!r}, which Airflow does not support")
    for field in (day, weekday):
        if re.search(r"[LW#]", re.sub("|".join(_DAYS), "", field.upper())):
            raise ValueError(f"contains {field!r}, but Airflow does not support L, W and #")
    if day not in ("*", "?") and weekday not in ("*", "?"):
        # Unix cron would fire on days that match either of the two; AWS refuses the expression.
        raise ValueError("sets both a day of month and a day of week; one of them must be '?'")
    days = {value - 1 for value in _values(weekday, 1, 7, _DAYS)}
    return [
        compact(_values(minute, 0, 59), 0, 59),
        compact(_values(hour, 0, 23), 0, 23),
        compact(_values(day, 1, 31), 1, 31),
        compact(_values(month, 1, 12, _MONTHS), 1, 12),
        compact(days, 0, 6),
    ]


def _values(field: str, low: int, high: int, words: Sequence[str] = ()) -> set[int]:
    """All values that a field of an AWS cron matches."""
    found: set[int] = set()
    for part in field.split(","):
        span, slash, step_text = part.partition("/")
        step = _number(step_text, 1, high) if slash else 1
        first, dash, last = span.partition("-")
        if span in ("*", "?"):
            start, end = low, high
        else:
            start = _number(first, low, high, words)
            # `5/10` means every 10th value from 5.
            end = _number(last, low, high, words) if dash else (high if slash else start)
        # A range may wrap around: FRI-MON.
        span_values = range(start, end + 1) if start <= end else [*range(start, high + 1), *range(low, end + 1)]
        found.update(list(span_values)[::step])
    return found


def _number(text: str, low: int, high: int, words: Sequence[str] = ()) -> int:
    if text.upper() in words:
        return list(words).index(text.upper()) + low
    if not re.fullmatch(r"[0-9]+", text) or not low <= int(text) <= high:
        raise ValueError(f"contains {text!r} where a number from {low} to {high} is expected")
    return int(text)
