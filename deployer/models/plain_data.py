"""Plain data, that is JSON: values made plain, and untrusted ones checked for depth and size."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import JsonValue

MAX_DEPTH = 200  # as deep as Python itself parses nested brackets
_MAX_BITS = 10_000  # Python does not convert a larger number to a string
# Python needs up to 700 bytes of memory for each word or sign of the source that it parses.
MAX_WORDS = 500_000
# Types of most values, of which there is nothing to check.
_HARMLESS, _KEYS = frozenset({str, bool, type(None)}), frozenset({str})
_WORD = re.compile(r"\w+|[^\w\s]")


def count_words(text: str) -> int:
    """The number of words and signs in a text, counted up to MAX_WORDS + 1."""
    return sum(1 for _ in islice(_WORD.finditer(text), MAX_WORDS + 1))


def check_size(text: str) -> None:
    """Raise ValueError for Python source that would exhaust the memory when it is parsed."""
    if len(text) > MAX_WORDS and count_words(text) > MAX_WORDS:
        raise ValueError(f"it has more than {MAX_WORDS:,} words and signs")


def plain_map(values: Mapping[str, Any]) -> dict[str, JsonValue]:
    """A mapping with `plain` values."""
    return {str(key): plain(item) for key, item in values.items()}


def plain(value: Any) -> JsonValue:
    """`value` with mappings as dicts and sequences as lists, as it comes back from JSON or from a record."""
    if isinstance(value, Mapping):
        return plain_map(value)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    scalar: JsonValue = value
    return scalar


def check_plain(value: Any, depth: int = MAX_DEPTH) -> None:
    """Raise ValueError for a value that is not JSON (sets, bytes, keys that are not strings, infinity) or too deep."""
    level = [value]
    for _ in range(depth + 1):
        level = [inner for found in level for inner in _checked_inside(found) if type(inner) not in _HARMLESS]
        if not level:
            return
    raise ValueError(f"values are nested more than {depth} deep")


def _checked_inside(value: Any) -> Iterable[Any]:
    """The values in a dict or a list; none in a scalar."""
    if isinstance(value, dict):
        if not {*map(type, value)} <= _KEYS:
            raise ValueError("a key is not a string")
        return value.values()
    if isinstance(value, list):
        return value
    _check_scalar(value)
    return ()


def _check_scalar(value: Any) -> None:
    if value is not None and not isinstance(value, (str, int, float)):
        raise ValueError(f"a value of the type {type(value).__name__} is not JSON")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number is not finite")
    if isinstance(value, int) and value.bit_length() > _MAX_BITS:
        raise ValueError("a number is too large")


def is_encodable(text: str) -> bool:
    """Whether a string can be written as UTF-8: it contains no surrogate characters."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)
