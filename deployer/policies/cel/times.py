"""Timestamps and durations: how they are read, and their parts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

_DURATION: Final = re.compile(r"([+-]?)((?:[0-9]{1,9}(?:\.[0-9]{1,9})?(?:h|ms|m|s|us|ns))+)\Z")
_PART: Final = re.compile(r"([0-9.]+)(h|ms|m|s|us|ns)")
_SECONDS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_OFFSET: Final = re.compile(r"([+-]?)([0-9]{2}):([0-9]{2})\Z")
_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})\Z"
)


def read_timestamp(text: str) -> datetime:
    """A timestamp of RFC 3339, as in 2026-01-31T12:00:00Z. Raises ValueError."""
    if not _MOMENT.match(text):
        raise ValueError(f"{text[:60]!r} is not a timestamp like 2026-01-31T12:00:00Z")
    upper = text.upper().replace("Z", "+00:00")
    # Python 3.10 reads three or six digits of a fraction only.
    whole, point, rest = upper.partition(".")
    if point:
        fraction, sign, offset = rest[:-6], rest[-6], rest[-5:]
        upper = f"{whole}.{fraction[:6]:0<6}{sign}{offset}"
    return datetime.fromisoformat(upper)


def read_duration(text: str) -> timedelta:
    """A duration as in 1h30m. Raises ValueError."""
    found = _DURATION.match(text)
    if not found:
        raise ValueError(f"{text[:60]!r} is not a duration like 1h30m")
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(found[2]))
    return timedelta(seconds=-seconds if found[1] == "-" else seconds)


def read_timezone(name: str) -> tzinfo:
    """A timezone by its name or as an offset (+02:00). Raises ValueError."""
    if found := _OFFSET.match(name):
        delta = timedelta(hours=int(found[2]), minutes=int(found[3]))
        return timezone(-delta if found[1] == "-" else delta)
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError) as error:
        raise ValueError(f"{name[:60]!r} is not a timezone") from error


PARTS: Final[Mapping[str, Callable[[datetime], int]]] = {
    "getFullYear": lambda moment: moment.year,
    "getMonth": lambda moment: moment.month - 1,
    "getDate": lambda moment: moment.day,
    "getDayOfMonth": lambda moment: moment.day - 1,
    "getDayOfWeek": lambda moment: moment.isoweekday() % 7,
    "getDayOfYear": lambda moment: moment.timetuple().tm_yday - 1,
    "getHours": lambda moment: moment.hour,
    "getMinutes": lambda moment: moment.minute,
    "getSeconds": lambda moment: moment.second,
    "getMilliseconds": lambda moment: moment.microsecond // 1000,
}
"""Parts of a timestamp, counted as CEL does: months and days of the year from 0, weekdays from Sunday."""

DURATION_PARTS: Final[Mapping[str, Callable[[timedelta], int]]] = {
    "getHours": lambda duration: int(duration / timedelta(hours=1)),
    "getMinutes": lambda duration: int(duration / timedelta(minutes=1)),
    "getSeconds": lambda duration: int(duration.total_seconds()),
    "getMilliseconds": lambda duration: duration.microseconds // 1000,
}
