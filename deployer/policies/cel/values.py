"""The values of CEL in Python: JSON values, aware datetimes and timedeltas. What is equal, less, and what is what."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

MOST_INT: Final = 2**63 - 1
_NUMBERS: Final = (int, float)
_SIMPLE: Final = frozenset((str, int, float, bool, type(None)))


def kind_of(value: Any) -> str:
    """What a value is, as messages say it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a bool"
    for kind, words in _KINDS:
        if isinstance(value, kind):
            return words
    return type(value).__name__


_KINDS: Final[tuple[tuple[Any, str], ...]] = (
    (int, "a whole number"),
    (float, "a number"),
    (str, "a string"),
    (dict, "a map"),
    (list, "a list"),
    (tuple, "a list"),
    (datetime, "a timestamp"),
    (timedelta, "a duration"),
)


def is_number(value: Any) -> bool:
    """Whether a value is a number: to Python a bool is one too."""
    return isinstance(value, _NUMBERS) and not isinstance(value, bool)


def equal(one: Any, other: Any) -> bool:
    """Equality as CEL has it: values of two types are not equal, but for numbers."""
    if type(one) is type(other) and type(one) in _SIMPLE:
        return bool(one == other)
    if isinstance(one, str) or one is None or isinstance(one, bool):
        return False
    if is_number(one):
        return is_number(other) and bool(one == other)
    if isinstance(one, list | tuple):
        return (
            isinstance(other, list | tuple)
            and len(one) == len(other)
            and all(equal(*pair) for pair in zip(one, other, strict=True))
        )
    if isinstance(one, dict):
        return (
            isinstance(other, dict) and one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
        )
    return type(one) is type(other) and bool(one == other)


def comparable(one: Any, other: Any) -> bool:
    """Whether CEL orders the two values."""
    if type(one) in _NUMBERS and type(other) in _NUMBERS:
        return True
    return type(one) is type(other) and isinstance(one, str | bool | datetime | timedelta)


def weight(value: Any) -> int:
    """Roughly how much work it is to look at all of a value: 1 for ten characters or one item."""
    if isinstance(value, str):
        return len(value) // 10
    if type(value) in _SIMPLE:
        return 0
    return len(value) if isinstance(value, dict | list | tuple) else 0
