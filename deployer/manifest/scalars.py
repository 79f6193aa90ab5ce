"""What an unquoted YAML scalar means: the YAML 1.2 core rules, less the forms that two readers read differently.

`no`, `off`, `12:30`, `1_000`, `0x1F`, `017` and dates are the text that was written. Where a number or true/false is
expected, that text is refused; it never becomes another value.
"""

from __future__ import annotations

import math
import re
from typing import Final

_NULL: Final = frozenset(("", "~", "null", "Null", "NULL"))
_BOOL: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER: Final = re.compile(r"[-+]?(0|[1-9][0-9]*)\Z")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_NOT_FINITE: Final = re.compile(r"([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))\Z")
_LIKE_A_NUMBER: Final = re.compile(r"[-+]?0[xob]?[0-9A-Fa-f_]+\Z|[-+]?[0-9][0-9_]*[0-9]\Z")
# Words and numbers that YAML 1.1 readers take for something else than text.
LIKE_TRUE: Final = frozenset(("y", "yes", "on"))
LIKE_FALSE: Final = frozenset(("n", "no", "off"))
_LARGEST: Final = 2**63


def resolve(text: str) -> str | int | float | bool | None:
    """The value of an unquoted scalar. Raises ValueError for a number that JSON cannot hold."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if text[0] not in "+-.0123456789":
        return text
    if _INTEGER.match(text):
        if len(text) > 20 or abs(int(text)) >= _LARGEST:
            raise ValueError("the number is too large for 64 bits")
        return int(text)
    if _NOT_FINITE.match(text):
        raise ValueError(f"{text} is not a number that JSON knows")
    if _FLOAT.match(text):
        value = float(text)
        if not math.isfinite(value):
            raise ValueError("the number is too large for 64 bits")
        return value
    return text


def looks_like(text: str) -> str:
    """What other YAML readers take `text` for (a hint's words), or nothing: `1_000` is ``1000``, `yes` is ``true``."""
    word = text.lower()
    if word in LIKE_TRUE or word == "true":
        return "true"
    if word in LIKE_FALSE or word == "false":
        return "false"
    if not _LIKE_A_NUMBER.match(text):
        return ""
    digits = text.replace("_", "")
    if re.match(r"[-+]?0[0-9]+\Z", digits):
        decimal = str(int(digits)) if len(digits) < 20 else ""
        is_octal = decimal and re.match(r"[-+]?0[0-7]+\Z", digits)
        return f"{decimal}, or {int(digits, 8)} if it is octal" if is_octal else decimal
    try:
        return str(int(digits, 0)) if len(digits) < 20 else ""
    except ValueError:
        return ""
