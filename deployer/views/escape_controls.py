"""Text of users made harmless to print: no escape sequence reaches a terminal, no secret reaches anybody."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from deployer.models.flow import KNOWN_AT_APPLY

SECRET = "(secret)"  # noqa: S105 - what is shown in place of one
NOT_SET = "(not set)"
_SHORTEST_PART = 4  # a secret shorter than this is masked only as a whole value: "a" would eat every word
_LONGEST_SENTENCE, _FIRST_OF_IT, _LAST_OF_IT = 2_000, 1_500, 300
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def escape_controls(text: str) -> str:
    """`text` on one line, with control, format and unpaired surrogate characters written as escapes."""
    if text.isprintable():  # the common case, and the fast one
        return text
    return "".join(_escape(character) for character in text)


def _escape(character: str) -> str:
    if character in _NAMED:
        return _NAMED[character]
    if unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}:
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def mask(value: Any, secrets: frozenset[str]) -> Any:
    """`value` (JSON-like, or a text) with every secret in its texts and keys replaced. Tuples become lists."""
    if isinstance(value, str):
        return _mask_text(value, secrets)
    if isinstance(value, Mapping):
        return {_mask_text(str(key), secrets): mask(item, secrets) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [mask(item, secrets) for item in value]
    return SECRET if secrets and str(value) in secrets and not isinstance(value, bool) and value is not None else value


def _mask_text(text: str, secrets: frozenset[str]) -> str:
    if text and text in secrets:
        return SECRET
    pattern = _any_of(secrets)
    return pattern.sub(SECRET, text) if pattern else text


@lru_cache(maxsize=8)
def _any_of(secrets: frozenset[str]) -> re.Pattern[str] | None:
    """In one pass, the longest first: one secret may hold another, or a word of the mask."""
    parts = [re.escape(secret) for secret in sorted(secrets, key=len, reverse=True) if len(secret) >= _SHORTEST_PART]
    return re.compile("|".join(parts)) if parts else None


def sentence(text: str, secrets: frozenset[str]) -> str:
    """A message without secrets, cut in the middle where a value in it would flood the terminal."""
    masked = _mask_text(text, secrets)
    if len(masked) <= _LONGEST_SENTENCE:
        return masked
    return f"{masked[:_FIRST_OF_IT]}... ({len(masked):,} characters) ...{masked[-_LAST_OF_IT:]}"


def value_text(value: Any, limit: int = 60) -> str:
    """A value as JSON on one line, shortened to `limit` characters."""
    return _shorten(_json(value), limit, 0)


def pair_text(before: Any, after: Any, limit: int = 60) -> tuple[str, str]:
    """Two differing values, each shortened to `limit` characters so that the difference stays visible."""
    texts = _json(before), _json(after)
    same = next((i for i, (a, b) in enumerate(zip(*texts, strict=False)) if a != b), min(map(len, texts)))
    # What differs should be in view with some of what comes before it, to be found by.
    start = 0 if same < limit * 2 // 3 else same - limit // 3
    return _shorten(texts[0], limit, start), _shorten(texts[1], limit, start)


def _json(value: Any) -> str:
    if value is None:
        return NOT_SET
    if isinstance(value, str) and value in (KNOWN_AT_APPLY, SECRET):
        return value
    return escape_controls(json.dumps(value, ensure_ascii=False, default=str))


def _shorten(text: str, limit: int, start: int) -> str:
    if len(text) <= limit:
        return text
    head = "..." if start else ""
    tail = f"... ({len(text)} characters)" if start + limit < len(text) else ""
    return f"{head}{text[start : start + max(limit - len(head) - len(tail), 8)]}{tail}"
