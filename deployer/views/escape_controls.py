"""Makes strings from users safe to print: no escape sequence reaches a terminal, and nothing in them is invisible."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

from deployer.models.placeholders import KNOWN_AT_APPLY

NOT_SET = "(not set)"
_LONGEST_MESSAGE, _FIRST_OF_IT, _LAST_OF_IT = 2_000, 1_500, 300
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


# What shows as nothing or as a blank although it counts as a letter, a mark or a symbol: the default-ignorable code
# points of Unicode (DerivedCoreProperties.txt) that are not of a category below, and symbols that are empty.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8\ufffe\uffff"
    "\U00016fe4\U0001d159\U000e0000-\U000e0fff]"
)
_NOT_SHOWN = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp", "Zs"}
_MOST_MARKS = 3  # on one character, as in pointed Hebrew; more of them cover what is around them


def escape_controls(text: str) -> str:
    """`text` on one line, with everything written as escapes that could not be seen or would disturb the rest.

    That is control, format, private and unpaired surrogate characters, all blanks but the space, what is invisible in
    spite of its category, and marks that are stacked or have no character to stand on.
    """
    if text.isascii() and text.isprintable():  # the common case, and the fast one
        return text
    shown: list[str] = []
    marks: list[str] | None = None  # those on the last character; None where there is none to stand on
    for character in text:
        if unicodedata.category(character) in ("Mn", "Me") and not _INVISIBLE.match(character):
            if marks is None or len(marks) == _MOST_MARKS or character in marks:
                shown.append(_code(character))
            else:
                marks.append(character)
                shown.append(character)
            continue
        written = _escape(character)
        marks = [] if written == character != " " else None
        shown.append(written)
    return "".join(shown)


def _escape(character: str) -> str:
    if character in _NAMED:
        return _NAMED[character]
    if character == " " or (unicodedata.category(character) not in _NOT_SHOWN and not _INVISIBLE.match(character)):
        return character
    return _code(character)


def _code(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


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
