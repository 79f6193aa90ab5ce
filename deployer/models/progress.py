"""How whoever waits is told what is being done."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Is told of each stage, and how far it is; called from any thread, and must be quick."""

    def __call__(self, doing: str, done: int = 0, total: int = 0) -> None:
        """`doing` says what, in a few words; `done` of `total` parts are behind, where those can be counted."""


def silent(doing: str, done: int = 0, total: int = 0) -> None:
    """Tells nobody."""
