"""Rules for values that are more than their type: crons, timezones, dates, branches."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any, Final, NamedTuple

from deployer.errors import nearest
from deployer.manifest.keys import NO_SCHEDULE, SCHEDULE_WORDS, Format


class Problem(NamedTuple):
    """Why a value is none of its format: a diagnostic's code, message and hint."""

    code: str
    message: str
    hint: str = ""


def problem_of(format: Format, value: Any) -> Problem | None:
    """What is wrong with a value of the format's type; None when nothing is."""
    return _RULES[format](value)


MOST_OF_A_CRON = 1_000  # each minute, hour, day and month by its number are 400
_CRON_FIELD = re.compile(r"[0-9A-Za-z*,/?#-]+\Z")


@lru_cache(maxsize=4096)
def _cron_problem(text: str) -> tuple[str, str] | None:
    from croniter import CroniterBadDateError, croniter

    if text in SCHEDULE_WORDS:
        return None
    word = text.lower().lstrip("@")
    if word in (NO_SCHEDULE, "null", "off", "no", "never"):
        return f"{text!r} is no cron expression", "write none for no schedule"
    fields = text.split()
    if len(fields) not in (5, 6):
        hint = f"write {word}" if word in SCHEDULE_WORDS else ""
        found = f"{text!r} has {len(fields)} field{'' if len(fields) == 1 else 's'}"
        return f"{found}, expected a cron of 5 (minute hour day month weekday), or {', '.join(SCHEDULE_WORDS)}", hint
    wrong = [field for field in fields if not _CRON_FIELD.match(field)]
    if wrong:
        return f"cron {text!r}: the field {wrong[0]!r} cannot be read", ""
    if len(fields) == 6:  # the AWS form, whose sixth field is the year: translated where crons are rendered
        return None
    try:
        croniter(text).get_next()
    except CroniterBadDateError:
        return f"cron {text!r} never fires", ""
    except (ValueError, KeyError, IndexError, OverflowError) as error:
        return f"cron {text!r} cannot be read", str(error).splitlines()[0][:120]
    return None


def _check_cron(value: Any) -> Problem | None:
    if value is False:
        return Problem("bad-cron", "false is no cron expression", "write none for no schedule")
    if not isinstance(value, str) or value == NO_SCHEDULE:
        return None
    if len(value) > MOST_OF_A_CRON:
        return Problem("bad-cron", f"a cron has at most {MOST_OF_A_CRON:,} characters, this one {len(value):,}")
    problem = _cron_problem(value)
    return Problem("bad-cron", *problem) if problem else None


@lru_cache(maxsize=1)
def _timezones() -> frozenset[str]:
    from zoneinfo import available_timezones

    return frozenset(available_timezones())


def _check_timezone(text: str) -> Problem | None:
    # The set, not ZoneInfo(): a file system that ignores case would accept what the next machine refuses.
    if text in _timezones():
        return None
    same = next((zone for zone in _timezones() if zone.lower() == text.lower()), "")
    hint = f"did you mean {same!r}?" if same else nearest(text, sorted(_timezones()))
    message = f"unknown timezone {text!r}, expected a name like Europe/Helsinki or UTC"
    return Problem("bad-timezone", message, hint)


def _check_date(text: str) -> Problem | None:
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        try:
            date.fromisoformat(text)
        except ValueError:
            pass
        else:
            return None
    return Problem("bad-date", f"{text!r} is no date, expected one like 2026-01-31")


def _check_branch(text: str) -> Problem | None:
    if re.fullmatch(r"[^\s~^:\\]+", text):
        return None
    return Problem("bad-branch", f"{text!r} can be no branch of git, expected one like main or release/*")


def _check_branches(found: Sequence[Any]) -> Problem | None:
    return None if found else Problem("bad-branch", "no branch is listed", "leave the key out to allow every branch")


_RULES: Final[Mapping[Format, Callable[[Any], Problem | None]]] = {
    "cron": _check_cron,
    "timezone": _check_timezone,
    "date": _check_date,
    "branch": _check_branch,
    "branches": _check_branches,
}
