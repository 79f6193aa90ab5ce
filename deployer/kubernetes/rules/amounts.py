"""Amounts, which Metaflow takes as numbers without a unit: CPUs, MB (10^6 bytes), MiB (2^20 bytes), GPUs."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

from .syntax import quantity
from .values import Path, Rule, Violation, wrong

_WITH_UNIT = re.compile(r"\s*([0-9]*\.?[0-9]+)\s*(m|[kKMGTP]i?)[bB]?\s*")
_UNITS = " kmgtp"
MB, MIB = 10**6, 2**20  # bytes


def cpus(value: Any, path: Path) -> Iterator[Violation]:
    """More than nothing; a text with a number is as good as the number."""
    number = _number(value)
    if number is None or not 0 < number < math.inf:
        yield wrong("a number of CPUs, more than 0", value, path, _of_thousandths(value))


def size(unit: int) -> Rule:
    """An amount of `unit` bytes, more than nothing."""

    def check(value: Any, path: Path) -> Iterator[Violation]:
        number = _number(value)
        if number is None or not 0 < number < math.inf:
            yield wrong(f"a number of {_name(unit)}, more than 0", value, path, _without_unit(value, unit))

    return check


def whole_size(unit: int) -> Rule:
    """A whole amount of `unit` bytes; nothing at all stands for an absent one."""

    def check(value: Any, path: Path) -> Iterator[Violation]:
        number = _number(value)
        if value and (number is None or not number.is_integer() or number <= 0):
            yield wrong(f"a whole number of {_name(unit)}", value, path, _without_unit(value, unit))

    return check


def gpus(value: Any, path: Path) -> Iterator[Violation]:
    """Zero is a node without any."""
    number = _number(value)
    if number is None or not number.is_integer() or number < 0:
        yield wrong("a whole number of GPUs, 0 or more", value, path)


def port(value: Any, path: Path) -> Iterator[Violation]:
    """Nothing at all stands for an absent one."""
    number = _number(value)
    if value and (number is None or not number.is_integer() or not 1 <= number <= 65535):
        yield wrong("a port from 1 to 65535", value, path)


def extended(value: Any, path: Path) -> Iterator[Violation]:
    """Of an extended resource: a whole number."""
    written = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(written, str) or quantity(written):
        yield wrong("an amount as text, as in '1'", value, path)
    elif "/" in str(path[-1]) and not re.fullmatch(r"\+?[0-9]+([kMGTPE]|[KMGTPE]i|[eE]\+?[0-9]+)?", written):
        yield wrong("a whole amount", value, path)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _name(unit: int) -> str:
    return "MB" if unit == MB else "MiB"


def _of_thousandths(value: Any) -> str:
    given = _WITH_UNIT.fullmatch(value) if isinstance(value, str) else None
    return f"write {float(given[1]) / 1000:g}" if given and given[2] == "m" else ""


def _without_unit(value: Any, unit: int) -> str:
    """How the same amount is written without its unit, rounded up."""
    given = _WITH_UNIT.fullmatch(value) if isinstance(value, str) else None
    if not given or given[2] == "m":
        return ""
    base = 1024 if given[2].endswith("i") else 1000
    total = float(given[1]) * base ** _UNITS.index(given[2][0].lower())
    return f"write {math.ceil(total / unit)}"
