"""Errors and warnings as text and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from deployer.errors import Diagnostic, Severity
from deployer.views.escape_controls import escape_controls, mask, sentence
from deployer.views.plan_words import count

_COLOURS = {Severity.ERROR: "\x1b[1;31m", Severity.WARNING: "\x1b[1;33m"}
_RESET = "\x1b[0m"


def diagnostics_to_json(
    diagnostics: Sequence[Diagnostic], secrets: frozenset[str] = frozenset()
) -> list[dict[str, Any]]:
    """A list of objects; `file`, `line` and `column` are null for what has no place."""
    return [_to_json(each, secrets) for each in diagnostics]


def _to_json(diagnostic: Diagnostic, secrets: frozenset[str]) -> dict[str, Any]:
    place = diagnostic.location
    found: Mapping[str, Any] = {
        "severity": diagnostic.severity.value,
        "code": diagnostic.code,
        "message": sentence(diagnostic.message, secrets),
        "file": place.file if place else None,
        "line": place.line if place else None,
        "column": (place.column or None) if place else None,
        "path": sentence(diagnostic.path, secrets),
        "hint": sentence(diagnostic.hint, secrets),
    }
    return dict(found)


def diagnostics_to_text(
    diagnostics: Sequence[Diagnostic], colour: bool = False, secrets: frozenset[str] = frozenset()
) -> str:
    """One problem a line (more where its message has more), and how many there are. Empty for no problems.

    Lines are not wrapped, so that editors and CI find the places in them. No rich here: a refusal is to be quick.
    """
    if not diagnostics:
        return ""
    lines = [line for each in diagnostics for line in _lines(each, colour, secrets)]
    errors = sum(each.severity is Severity.ERROR for each in diagnostics)
    warnings = len(diagnostics) - errors
    counts = [count(number, noun) for number, noun in ((errors, "error"), (warnings, "warning")) if number]
    return "\n".join([*lines, ", ".join(counts)]) + "\n"


def _lines(diagnostic: Diagnostic, colour: bool, secrets: frozenset[str]) -> list[str]:
    message, path, hint = (sentence(text, secrets) for text in (diagnostic.message, diagnostic.path, diagnostic.hint))
    # Once more as a whole: the name of a file may be one.
    text = mask(str(replace(diagnostic, message=message, path=path, hint=hint)), secrets)
    first, *rest = [escape_controls(line) for line in text.splitlines()] or [""]
    if colour:
        word = diagnostic.severity.value
        first = first.replace(f"{word}: ", f"{_COLOURS[diagnostic.severity]}{word}:{_RESET} ", 1)
    return [first, *(f"    {line}" for line in rest)]
