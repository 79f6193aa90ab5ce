"""The text of an expression as tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from deployer.policies.cel.problems import CelError

# Words that CEL keeps for other languages.
RESERVED: Final = frozenset(
    (
        *("as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop"),
        *("package", "namespace", "return", "var", "void", "while"),
    )
)
_WORDS: Final = {"true": True, "false": False, "null": None}
_TOKEN: Final = re.compile(
    r"""
      (?P<blank>[ \t\r\n\f]+|//[^\n]*)
    | (?P<text>[rRbB]{0,2}(?:\"\"\"|'''|"|'))
    | (?P<double>[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+|\.[0-9]+(?:[eE][+-]?[0-9]+)?)
    | (?P<int>0x[0-9a-fA-F]+|[0-9]+)(?P<unsigned>[uU]?)
    | (?P<name>[_a-zA-Z][_a-zA-Z0-9]*)
    | (?P<op>&&|\|\||==|!=|<=|>=|[-+*/%!<>?:.,()\[\]{}])
    """,
    re.VERBOSE,
)
_SIMPLE: Final = dict(zip("abfnrtv\\?\"'`", "\a\b\f\n\r\t\v\\?\"'`", strict=True))
_DIGITS: Final = {"x": (2, 16), "X": (2, 16), "u": (4, 16), "U": (8, 16)}
MOST: Final = 2**63 - 1


class Token(NamedTuple):
    """`kind` is ``op``, ``name``, ``constant`` or ``end``; `text` as it is written; `value` of a constant."""

    kind: str
    text: str
    at: int
    value: Any = None


def tokens(text: str) -> Iterator[Token]:
    """All tokens, the last of the kind ``end``. Raises CelError."""
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            hint = {"&": "write && for and", "|": "write || for or", "=": "write == to compare"}.get(text[at], "")
            raise CelError(f"{text[at]!r} has no meaning here", at, hint)
        kind = str(found.lastgroup)
        if kind == "text":
            token, at = _string(text, found.group(), at)
            yield token
            continue
        if kind != "blank":
            yield _token(kind, found, at)
        at = found.end()
    yield Token("end", "", len(text))


def _token(kind: str, found: re.Match[str], at: int) -> Token:
    text = found.group()
    if kind == "name":
        if text in _WORDS:
            return Token("constant", text, at, _WORDS[text])
        return Token("name", text, at)
    if kind == "op":
        return Token("op", text, at)
    if kind == "double":
        return Token("constant", text, at, float(text))
    if found.group("unsigned"):
        raise CelError("unsigned numbers are not supported", at, f"write {found.group('int')}")
    if len(text) > 20 or (value := int(text, 0 if text.startswith("0x") else 10)) > MOST + 1:
        raise CelError(f"the number is larger than {MOST}", at)
    return Token("constant", text, at, value)


def _string(text: str, opening: str, start: int) -> tuple[Token, int]:
    prefix = opening.rstrip("'\"").lower()
    quote = opening[len(prefix) :]
    if "b" in prefix:
        raise CelError("bytes are not supported", start, "write a string, without the b")
    if prefix not in ("", "r"):
        raise CelError(f"{opening!r} does not start a string", start)
    at = start + len(opening)
    parts: list[str] = []
    while not text.startswith(quote, at):
        if at >= len(text) or (len(quote) == 1 and text[at] == "\n"):
            raise CelError(f"the string has no {quote} at its end", start)
        if text[at] == "\\" and not prefix:
            part, at = _escape(text, at)
        elif text[at] == "\\":
            part, at = text[at : at + 2], at + 2
        else:
            part, at = text[at], at + 1
        parts.append(part)
    end = at + len(quote)
    return Token("constant", text[start:end], start, "".join(parts)), end


def _escape(text: str, at: int) -> tuple[str, int]:
    letter = text[at + 1 : at + 2]
    if letter in _SIMPLE:
        return _SIMPLE[letter], at + 2
    length, base = (3, 8) if letter.isdigit() else _DIGITS.get(letter, (0, 10))
    start = at + 1 if base == 8 else at + 2
    digits = text[start : start + length]
    try:
        code = int(digits, base) if len(digits) == length and digits.isalnum() else -1
    except ValueError:
        code = -1
    if not 0 <= code <= 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        hint = "write the string as r'...' to keep each backslash"
        raise CelError(f"{text[at : start + length]!r} is not an escape sequence", at, hint)
    return chr(code), start + length
