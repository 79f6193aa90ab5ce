"""A row of the table: what was measured, against what, and the ratio that must not be exceeded."""

from __future__ import annotations

from dataclasses import dataclass

from tests.bench.timing import Turns

HEADER = "| case | seconds | against | ratio | limit |\n|---|--:|---|--:|--:|"


@dataclass(frozen=True)
class Row:
    """One case. `ratio` is the figure divided by what it is measured against; a ratio above `limit` is too slow."""

    case: str
    figure: str
    against: str = ""
    ratio: float | None = None
    limit: float | None = None

    @property
    def exceeds(self) -> bool:
        return self.ratio is not None and self.limit is not None and self.ratio > self.limit

    def markdown(self) -> str:
        ratio = "" if self.ratio is None else _three_digits(self.ratio)
        limit = "" if self.limit is None else f"{self.limit:g}"
        return f"| {self.case} | {self.figure} | {self.against} | {ratio} | {limit} |"


def compared(case: str, turns: Turns, against: str, limit: float | None = None, times: int = 1) -> Row:
    """A row of two commands that ran by turns; the first is measured against `times` runs of the second."""
    return Row(case, f"{turns.first:.2f}", against, turns.first / (turns.second * times), limit)


def _three_digits(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio >= 1 else f"{ratio:.3g}"
