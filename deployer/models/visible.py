"""Makes characters visible that show as nothing or as a blank, or that would disturb what is around them."""

from __future__ import annotations

import re
import unicodedata

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
