"""The operators of CEL, by their names there (``_+_``): signatures and implementations, as those of functions."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from deployer.policies.cel.functions import Charge, Function, Signature, in_range
from deployer.policies.cel.types import BOOL, DOUBLE, DURATION, DYN, INT, STRING, TIMESTAMP, ListType
from deployer.policies.cel.values import comparable, equal, is_number, kind_of, weight

_ORDERED: Final = (INT, DOUBLE, STRING, BOOL, TIMESTAMP, DURATION)


def _no_overload(symbol: str, one: Any, other: Any) -> ValueError:
    return ValueError(f"{symbol} does not take {kind_of(one)} and {kind_of(other)}")


def _equals(charge: Charge, one: Any, other: Any) -> bool:
    charge(weight(one))
    return equal(one, other)


def _differs(charge: Charge, one: Any, other: Any) -> bool:
    charge(weight(one))
    return not equal(one, other)


def _ordering(symbol: str, compare: Callable[[Any, Any], bool]) -> Callable[..., bool]:
    def run(charge: Charge, one: Any, other: Any) -> bool:
        if not comparable(one, other):
            raise _no_overload(symbol, one, other)
        return compare(one, other)

    return run


def _is_in(charge: Charge, item: Any, holder: Any) -> bool:
    if isinstance(holder, dict):
        return isinstance(item, str | int | float | bool) and item in holder
    if not isinstance(holder, list | tuple):
        raise ValueError(f"'in' is of a list or the keys of a map, found {kind_of(holder)}")
    charge(len(holder))
    return any(equal(item, each) for each in holder)


def _same_numbers(symbol: str, one: Any, other: Any) -> bool:
    """Whether both are whole numbers, or both are not. Raises ValueError for anything else."""
    if not (is_number(one) and type(one) is type(other)):
        raise _no_overload(symbol, one, other)
    return isinstance(one, int)


def _add(charge: Charge, one: Any, other: Any) -> Any:
    if isinstance(one, str) and isinstance(other, str):
        charge(weight(one) + weight(other))
        return one + other
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        charge(len(one) + len(other))
        return [*one, *other]
    if isinstance(one, datetime | timedelta) and isinstance(other, datetime | timedelta):
        return _shifted("+", one, other)
    return in_range(one + other) if _same_numbers("+", one, other) else one + other


def _subtract(charge: Charge, one: Any, other: Any) -> Any:
    if isinstance(one, datetime | timedelta) and isinstance(other, datetime | timedelta):
        return _shifted("-", one, other)
    return in_range(one - other) if _same_numbers("-", one, other) else one - other


def _shifted(symbol: str, one: Any, other: Any) -> Any:
    try:
        return one + other if symbol == "+" else one - other
    except TypeError:
        raise _no_overload(symbol, one, other) from None
    except OverflowError:
        raise ValueError("the time is out of range") from None


def _multiply(charge: Charge, one: Any, other: Any) -> Any:
    return in_range(one * other) if _same_numbers("*", one, other) else one * other


def _divide(charge: Charge, one: Any, other: Any) -> Any:
    if _same_numbers("/", one, other):
        if other == 0:
            raise ValueError("division by zero")
        quotient = abs(one) // abs(other)
        return in_range(quotient if (one < 0) == (other < 0) else -quotient)
    if other == 0:
        return math.nan if one == 0 or math.isnan(one) else math.copysign(math.inf, one) * math.copysign(1, other)
    return one / other


def _remainder(charge: Charge, one: Any, other: Any) -> int:
    if not _same_numbers("%", one, other):
        raise _no_overload("%", one, other)
    if other == 0:
        raise ValueError("division by zero")
    rest: int = abs(one) % abs(other)
    return -rest if one < 0 else rest


def _not(charge: Charge, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"! is of a bool, found {kind_of(value)}")
    return not value


def _negative(charge: Charge, value: Any) -> Any:
    if not is_number(value):
        raise ValueError(f"- is of a number, found {kind_of(value)}")
    return in_range(-value) if isinstance(value, int) else -value


def _numbers(run: Callable[..., Any], *more: Signature) -> Function:
    return Function((Signature((INT, INT), INT), Signature((DOUBLE, DOUBLE), DOUBLE), *more), run)


def _comparison(symbol: str, compare: Callable[[Any, Any], bool]) -> Function:
    pairs = [(kind, kind) for kind in _ORDERED] + [(INT, DOUBLE), (DOUBLE, INT)]
    return Function(tuple(Signature(pair, BOOL) for pair in pairs), _ordering(symbol, compare))


OPERATORS: Final[Mapping[str, Function]] = {
    "_==_": Function((Signature((DYN, DYN), BOOL),), _equals),
    "_!=_": Function((Signature((DYN, DYN), BOOL),), _differs),
    "_<_": _comparison("<", operator.lt),
    "_<=_": _comparison("<=", operator.le),
    "_>_": _comparison(">", operator.gt),
    "_>=_": _comparison(">=", operator.ge),
    "_in_": Function((Signature((DYN, DYN), BOOL),), _is_in),
    "_+_": _numbers(
        _add,
        Signature((STRING, STRING), STRING),
        Signature((ListType(DYN), ListType(DYN)), ListType(DYN)),
        Signature((TIMESTAMP, DURATION), TIMESTAMP),
        Signature((DURATION, TIMESTAMP), TIMESTAMP),
        Signature((DURATION, DURATION), DURATION),
    ),
    "_-_": _numbers(
        _subtract,
        Signature((TIMESTAMP, TIMESTAMP), DURATION),
        Signature((TIMESTAMP, DURATION), TIMESTAMP),
        Signature((DURATION, DURATION), DURATION),
    ),
    "_*_": _numbers(_multiply),
    "_/_": _numbers(_divide),
    "_%_": Function((Signature((INT, INT), INT),), _remainder),
    "!_": Function((Signature((BOOL,), BOOL),), _not),
    "-_": Function((Signature((INT,), INT), Signature((DOUBLE,), DOUBLE)), _negative),
}
"""Operators by name."""
