"""Diagnostics as GitHub workflow commands, which become annotations of a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from deployer.errors import Diagnostic, Severity
from deployer.models.plan import Plan
from deployer.models.visible import escape_controls
from deployer.views.escape_controls import shorten_message
from deployer.views.violations import sentence


def diagnostics_to_annotations(diagnostics: Sequence[Diagnostic]) -> str:
    """One line for each: ``::error file=...,line=...,title=...::message``. No message can start another command."""
    return "".join(f"{_annotation(each)}\n" for each in diagnostics)


def plan_to_annotations(plan: Plan) -> str:
    """What policies say of a plan's changes and what the plan warns of, each at the line that it is about."""
    violations = (
        Diagnostic(
            "policy",
            f"{each.address}: {sentence(asdict(each))}",
            each.location,
            each.field,
            severity=Severity(each.severity),
        )
        for each in plan.violations
        if not each.exempted
    )
    warnings = (
        Diagnostic(each.code, each.message, each.location, each.path, each.hint, Severity.WARNING)
        for each in plan.warnings
    )
    return diagnostics_to_annotations([*violations, *warnings])


def _annotation(diagnostic: Diagnostic) -> str:
    properties = ",".join(f"{name}={_property(value)}" for name, value in _properties(diagnostic))
    message = "; ".join(shorten_message(text) for text in (diagnostic.message, diagnostic.hint) if text)
    return f"::{diagnostic.severity.value} {properties}::{_data(message)}"


def _properties(diagnostic: Diagnostic) -> Iterator[tuple[str, str]]:
    if location := diagnostic.location:
        yield "file", location.file
        yield "line", str(location.line)
        if location.column:
            yield "col", str(location.column)
    # GitHub shows the title instead of the severity: the path in the document is what a reader looks for.
    yield "title", shorten_message(diagnostic.path) or diagnostic.code


def _data(text: str) -> str:
    """Text in the encoding of workflow commands: a line break ends a command, and ``%`` starts an escape."""
    lines = [escape_controls(line) for line in text.splitlines()]
    return "\n".join(lines).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
