"""Diagnostics: what went wrong, where, and what to do about it. Every part of the program reports in this form."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum


class Severity(str, Enum):
    """The severity of a diagnostic: a command with errors is refused, one with warnings is not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, order=True)
class Location:
    """A position in a file. Lines and columns count from 1; column 0 means the whole line.

    `file` is relative to the working directory if it is below it.
    """

    file: str
    line: int = 1
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.column else f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Diagnostic:
    """One problem: where it is, what it is, and what to do.

    `code` is a stable identifier for programs (``unknown-key``), `path` the path in the document
    (``flows.train.schedule.cron``; empty if the problem is not in a manifest), `hint` what to try.
    """

    code: str
    message: str
    location: Location | None = None
    path: str = ""
    hint: str = ""
    severity: Severity = Severity.ERROR

    @property
    def sort_key(self) -> tuple[str, int, int, str, str]:
        """By location, those without one first."""
        location = self.location or Location("", 0, 0)
        return (location.file, location.line, location.column, self.path, self.message)

    def __str__(self) -> str:
        where = f"{self.location}: " if self.location else ""
        path = f"{self.path}: " if self.path else ""
        hint = f"; {self.hint}" if self.hint else ""
        return f"{where}{self.severity.value}: {path}{self.message}{hint}"


class DeployError(Exception):
    """The command is refused or has failed, for the reasons in `diagnostics`. Exit code 1, never a traceback."""

    def __init__(self, diagnostics: Diagnostic | Iterable[Diagnostic]) -> None:
        found = (diagnostics,) if isinstance(diagnostics, Diagnostic) else tuple(diagnostics)
        self.diagnostics: Sequence[Diagnostic] = sorted(set(found), key=lambda each: each.sort_key)
        super().__init__("\n".join(str(each) for each in self.diagnostics))


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint with the known name most similar to `name` (``did you mean 'retries'?``); empty if none is similar."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else ""
