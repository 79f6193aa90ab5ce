"""Errors and warnings as workflow commands, which GitHub shows beside the lines of a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from deployer.errors import Diagnostic
from deployer.views.escape_controls import escape_controls, sentence


def diagnostics_to_annotations(diagnostics: Sequence[Diagnostic], secrets: frozenset[str] = frozenset()) -> str:
    """One line for each, ``::error file=...,line=...,title=...::message``. No text in it can begin another command."""
    return "".join(f"{_annotation(each, secrets)}\n" for each in diagnostics)


def _annotation(diagnostic: Diagnostic, secrets: frozenset[str]) -> str:
    properties = ",".join(f"{name}={_property(value)}" for name, value in _properties(diagnostic, secrets))
    said = "; ".join(sentence(text, secrets) for text in (diagnostic.message, diagnostic.hint) if text)
    return f"::{diagnostic.severity.value} {properties}::{_data(said)}"


def _properties(diagnostic: Diagnostic, secrets: frozenset[str]) -> Iterator[tuple[str, str]]:
    if place := diagnostic.location:
        yield "file", place.file
        yield "line", str(place.line)
        if place.column:
            yield "col", str(place.column)
    # GitHub shows the title in place of the kind: the place in the document is what a reader looks for.
    yield "title", sentence(diagnostic.path, secrets) or diagnostic.code


def _data(text: str) -> str:
    """A message as the runner reads it back: a command ends with its line, and ``%`` starts an escape."""
    lines = [escape_controls(line) for line in text.splitlines()]
    return "\n".join(lines).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
