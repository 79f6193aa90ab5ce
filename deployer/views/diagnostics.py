"""Diagnostics as text and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypedDict

from deployer.errors import Diagnostic, Severity
from deployer.models.visible import escape_controls
from deployer.views.escape_controls import shorten_message
from deployer.views.words import count

_COLOURS = {Severity.ERROR: "\x1b[1;31m", Severity.WARNING: "\x1b[1;33m"}
_RESET = "\x1b[0m"


class DiagnosticJson(TypedDict):
    """A diagnostic as JSON. `file`, `line` and `column` are null for one without a location."""

    severity: str
    code: str
    message: str
    file: str | None
    line: int | None
    column: int | None
    path: str
    hint: str


def diagnostics_to_json(diagnostics: Sequence[Diagnostic]) -> list[DiagnosticJson]:
    """Each diagnostic as a JSON object, in the same order."""
    return [_to_json(each) for each in diagnostics]


def _to_json(diagnostic: Diagnostic) -> DiagnosticJson:
    location = diagnostic.location
    return {
        "severity": diagnostic.severity.value,
        "code": diagnostic.code,
        "message": shorten_message(diagnostic.message),
        "file": location.file if location else None,
        "line": location.line if location else None,
        "column": (location.column or None) if location else None,
        "path": shorten_message(diagnostic.path),
        "hint": shorten_message(diagnostic.hint),
    }


def diagnostics_to_text(diagnostics: Sequence[Diagnostic], colour: bool = False) -> str:
    """One line for each problem (more if its message has more), then the totals. Empty if there are no problems.

    Lines are not wrapped, so that editors and CI recognize the locations. Does not use rich, to fail fast.
    """
    if not diagnostics:
        return ""
    lines = [line for each in diagnostics for line in _lines(each, colour)]
    errors = sum(each.severity is Severity.ERROR for each in diagnostics)
    warnings = len(diagnostics) - errors
    counts = [count(number, noun) for number, noun in ((errors, "error"), (warnings, "warning")) if number]
    return "\n".join([*lines, ", ".join(counts)]) + "\n"


def _lines(diagnostic: Diagnostic, colour: bool) -> list[str]:
    message, path, hint = map(shorten_message, (diagnostic.message, diagnostic.path, diagnostic.hint))
    text = str(replace(diagnostic, message=message, path=path, hint=hint))
    first, *rest = [escape_controls(line) for line in text.splitlines()] or [""]
    if colour:
        word = diagnostic.severity.value
        first = first.replace(f"{word}: ", f"{_COLOURS[diagnostic.severity]}{word}:{_RESET} ", 1)
    return [first, *(f"    {line}" for line in rest)]
