"""Makes strings from users safe to print: no escape sequence reaches a terminal, and nothing in them is invisible."""

from __future__ import annotations

import json
from typing import Any

from deployer.models.placeholders import KNOWN_AT_APPLY
from deployer.models.visible import escape_controls

NOT_SET = "(not set)"
_LONGEST_MESSAGE, _FIRST_OF_IT, _LAST_OF_IT = 2_000, 1_500, 300


def shorten_message(text: str) -> str:
    """A message, cut in the middle if a value in it would flood the terminal."""
    if len(text) <= _LONGEST_MESSAGE:
        return text
    return f"{text[:_FIRST_OF_IT]}... ({len(text):,} characters) ...{text[-_LAST_OF_IT:]}"


def value_text(value: Any, limit: int = 60) -> str:
    """A value as JSON on one line, shortened to `limit` characters."""
    return _shorten(_json(value), limit, 0)


def pair_text(before: Any, after: Any, limit: int = 60) -> tuple[str, str]:
    """Two differing values, each shortened to `limit` characters so that the difference stays visible."""
    return shorten_pair(_json(before), _json(after), limit)


def shorten_pair(before: str, after: str, limit: int) -> tuple[str, str]:
    """Two differing strings, each shortened to `limit` characters so that the difference stays visible."""
    texts = before, after
    same = next((i for i, (a, b) in enumerate(zip(*texts, strict=False)) if a != b), min(map(len, texts)))
    # Some of what precedes the difference is shown too, to recognize where it is.
    start = 0 if same < limit * 2 // 3 else same - limit // 3
    return _shorten(texts[0], limit, start), _shorten(texts[1], limit, start)


def _json(value: Any) -> str:
    if value is None:
        return NOT_SET
    if value == KNOWN_AT_APPLY:
        return KNOWN_AT_APPLY
    return escape_controls(json.dumps(value, ensure_ascii=False, default=str))


def _shorten(text: str, limit: int, start: int) -> str:
    if len(text) <= limit:
        return text
    head = "..." if start else ""
    tail = f"... ({len(text)} characters)" if start + limit < len(text) else ""
    return f"{head}{text[start : start + max(limit - len(head) - len(tail), 8)]}{tail}"
