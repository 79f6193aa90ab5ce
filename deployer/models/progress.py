"""Reporting progress."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receives each stage of a command and how far it is. It is called from any thread, and must return quickly."""

    def __call__(self, doing: str, done: int = 0, total: int = 0) -> None:
        """`doing` describes the stage in a few words; `done` of `total` parts are complete, if they can be counted."""


def silent(doing: str, done: int = 0, total: int = 0) -> None:
    """Discard the progress."""
