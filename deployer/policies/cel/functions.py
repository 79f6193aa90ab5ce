"""The functions of CEL that expressions may call: those of the standard, and Kubernetes' for strings and lists.

Each has its signatures for the check of types, and one implementation. That one is given `charge`, which it tells how
much it is about to do before it does it, and raises ValueError for values that it does not take.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from deployer.policies.cel import patterns, times
from deployer.policies.cel.types import (
    BOOL,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    ListType,
    MapType,
    Type,
)
from deployer.policies.cel.values import MOST_INT, comparable, equal, is_number, kind_of, weight

Charge = Callable[[int], None]
_LIST: Final = ListType(DYN)
_TEXTS: Final = ListType(STRING)
_MAP: Final = MapType(DYN, DYN)


@dataclass(frozen=True)
class Signature:
    """The types of a function's arguments, that of a method's target first, and of its result."""

    takes: tuple[Type, ...]
    gives: Type


@dataclass(frozen=True)
class Function:
    """A function or a method, with `run(charge, *values)`."""

    signatures: tuple[Signature, ...]
    run: Callable[..., Any]


def _function(run: Callable[..., Any], gives: Type, *takes: tuple[Type, ...]) -> Function:
    return Function(tuple(Signature(each, gives) for each in takes), run)


def _texts(*values: Any) -> None:
    for value in values:
        if not isinstance(value, str):
            raise ValueError(f"expected a string, found {kind_of(value)}")


def _whole(*values: Any) -> None:
    for value in values:
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueError(f"expected a whole number, found {kind_of(value)}")


def _items(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        raise ValueError(f"expected a list, found {kind_of(value)}")
    return value


def in_range(number: int) -> int:
    """The number, if it has 64 bits. Raises ValueError."""
    if not -MOST_INT - 1 <= number <= MOST_INT:
        raise ValueError("the result has more than 64 bits")
    return number


def size(charge: Charge, value: Any) -> int:
    """How many characters, items or keys there are."""
    if not isinstance(value, str | list | tuple | dict):
        raise ValueError(f"size() is of a string, a list or a map, found {kind_of(value)}")
    return len(value)


def _to_int(charge: Charge, value: Any) -> int:
    if isinstance(value, datetime):
        return int(value.timestamp())
    if isinstance(value, str):
        digits = value.removeprefix("-")
        if not (digits.isascii() and digits.isdigit()) or len(digits) > 20:
            raise ValueError(f"{value[:60]!r} is not a whole number")
        return in_range(int(value))
    if not is_number(value) or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueError(f"int() is of a number or a string, found {kind_of(value)}")
    return in_range(int(value))


def _to_double(charge: Charge, value: Any) -> float:
    if isinstance(value, str):
        try:
            return float(value) if "_" not in value and len(value) < 400 else float("")
        except ValueError:
            raise ValueError(f"{value[:60]!r} is not a number") from None
    if not is_number(value):
        raise ValueError(f"double() is of a number or a string, found {kind_of(value)}")
    return float(value)


def _to_string(charge: Charge, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g}s"
    if isinstance(value, int):
        return str(value)
    raise ValueError(f"string() is of a single value, found {kind_of(value)}")


def _to_bool(charge: Charge, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("true", "True", "TRUE", "t", "1"):
        return True
    if value in ("false", "False", "FALSE", "f", "0"):
        return False
    raise ValueError("bool() is of 'true' or 'false'")


def _to_timestamp(charge: Charge, value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    _texts(value)
    return times.read_timestamp(value)


def _to_duration(charge: Charge, value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    _texts(value)
    return times.read_duration(value)


def _matches(charge: Charge, text: Any, pattern: Any) -> bool:
    _texts(text, pattern)
    charge(1 + len(text) * max(len(pattern), 10) // 100)
    try:
        return patterns.finds(pattern, text)
    except patterns.PatternError as error:
        raise ValueError(str(error)) from error


def _text_method(run: Callable[..., Any]) -> Callable[..., Any]:
    """A method of a string whose arguments are all strings."""

    def checked(charge: Charge, *values: Any) -> Any:
        _texts(*values)
        charge(sum(map(weight, values)))
        return run(*values)

    return checked


def _substring(charge: Charge, text: Any, start: Any, end: Any = None) -> str:
    end = len(text) if end is None and isinstance(text, str) else end
    _texts(text)
    _whole(start, end)
    if not 0 <= start <= end <= len(text):
        raise ValueError(f"the string has {len(text)} characters: no part from {start} to {end}")
    charge(weight(text))
    return str(text[start:end])


def _split(charge: Charge, text: Any, separator: Any, limit: Any = -1) -> list[str]:
    _texts(text, separator)
    _whole(limit)
    charge(len(text))
    if limit in (0, 1):
        return [text] if limit else []
    if not separator:
        return [*text] if limit < 0 else [*text[: limit - 1], text[limit - 1 :]]
    return list(text.split(separator, limit - 1 if limit > 0 else -1))


def _join(charge: Charge, parts: Any, separator: Any = "") -> str:
    _texts(separator, *_items(parts))
    charge(sum(1 + weight(part) for part in parts) + len(parts) * weight(separator))
    return str(separator.join(parts))


def _replace(charge: Charge, text: Any, old: Any, new: Any, count: Any = -1) -> str:
    _texts(text, old, new)
    _whole(count)
    found = text.count(old) if count < 0 else min(count, text.count(old))
    charge(weight(text) + found * (1 + len(new)) // 10)
    return str(text.replace(old, new, count))


def _of_numbers(run: Callable[[Iterable[Any]], Any]) -> Callable[..., Any]:
    def checked(charge: Charge, found: Any) -> Any:
        charge(len(_items(found)))
        for item in found:
            if not is_number(item):
                raise ValueError(f"expected numbers, found {kind_of(item)}")
        result = run(found)
        return in_range(result) if isinstance(result, int) else result

    return checked


def _least_or_most(run: Callable[[Iterable[Any]], Any], name: str) -> Callable[..., Any]:
    def checked(charge: Charge, found: Any) -> Any:
        charge(len(_items(found)))
        if not found:
            raise ValueError(f"an empty list has no {name}()")
        if not all(comparable(found[0], item) for item in found):
            raise ValueError(f"{name}() is of values that can be compared")
        return run(found)

    return checked


def _index_of(charge: Charge, holder: Any, wanted: Any) -> int:
    charge(weight(holder))
    if isinstance(holder, str):
        _texts(wanted)
        return holder.find(wanted)
    return next((at for at, item in enumerate(_items(holder)) if equal(item, wanted)), -1)


def _last_index_of(charge: Charge, holder: Any, wanted: Any) -> int:
    charge(weight(holder))
    if isinstance(holder, str):
        _texts(wanted)
        return holder.rfind(wanted)
    return next((at for at in reversed(range(len(_items(holder)))) if equal(holder[at], wanted)), -1)


def _part(name: str) -> Callable[..., Any]:
    def get(charge: Charge, value: Any, zone: Any = "UTC") -> int:
        if isinstance(value, timedelta) and name in times.DURATION_PARTS:
            return times.DURATION_PARTS[name](value)
        if not isinstance(value, datetime):
            raise ValueError(f"{name}() is of a timestamp, found {kind_of(value)}")
        _texts(zone)
        return times.PARTS[name](value.astimezone(times.read_timezone(zone)))

    return get


def _ascii_lower(text: str) -> str:
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)


def _ascii_upper(text: str) -> str:
    return "".join(letter.upper() if letter.isascii() else letter for letter in text)


GLOBALS: Final[Mapping[str, Function]] = {
    "size": _function(size, INT, (STRING,), (_LIST,), (_MAP,)),
    "int": _function(_to_int, INT, (INT,), (DOUBLE,), (STRING,), (TIMESTAMP,)),
    "double": _function(_to_double, DOUBLE, (INT,), (DOUBLE,), (STRING,)),
    "string": _function(_to_string, STRING, *((kind,) for kind in (STRING, INT, DOUBLE, BOOL, TIMESTAMP, DURATION))),
    "bool": _function(_to_bool, BOOL, (BOOL,), (STRING,)),
    "dyn": _function(lambda charge, value: value, DYN, (DYN,)),
    "timestamp": _function(_to_timestamp, TIMESTAMP, (STRING,), (TIMESTAMP,)),
    "duration": _function(_to_duration, DURATION, (STRING,), (DURATION,)),
    "matches": _function(_matches, BOOL, (STRING, STRING)),
}
"""Functions by name."""

METHODS: Final[Mapping[str, Function]] = {
    "size": GLOBALS["size"],
    "contains": _function(_text_method(lambda text, part: part in text), BOOL, (STRING, STRING)),
    "startsWith": _function(_text_method(str.startswith), BOOL, (STRING, STRING)),
    "endsWith": _function(_text_method(str.endswith), BOOL, (STRING, STRING)),
    "matches": GLOBALS["matches"],
    "lowerAscii": _function(_text_method(_ascii_lower), STRING, (STRING,)),
    "upperAscii": _function(_text_method(_ascii_upper), STRING, (STRING,)),
    "trim": _function(_text_method(str.strip), STRING, (STRING,)),
    "substring": _function(_substring, STRING, (STRING, INT), (STRING, INT, INT)),
    "split": _function(_split, _TEXTS, (STRING, STRING), (STRING, STRING, INT)),
    "join": _function(_join, STRING, (_TEXTS,), (_TEXTS, STRING)),
    "replace": _function(_replace, STRING, (STRING, STRING, STRING), (STRING, STRING, STRING, INT)),
    "indexOf": _function(_index_of, INT, (STRING, STRING), (_LIST, DYN)),
    "lastIndexOf": _function(_last_index_of, INT, (STRING, STRING), (_LIST, DYN)),
    "sum": _function(_of_numbers(sum), DYN, (_LIST,)),
    "min": _function(_least_or_most(min, "min"), DYN, (_LIST,)),
    "max": _function(_least_or_most(max, "max"), DYN, (_LIST,)),
    **{name: _function(_part(name), INT, (TIMESTAMP,), (TIMESTAMP, STRING)) for name in times.PARTS},
    **{
        name: _function(_part(name), INT, (TIMESTAMP,), (TIMESTAMP, STRING), (DURATION,))
        for name in times.DURATION_PARTS
    },
}
"""Methods by name; the target is the first argument."""
