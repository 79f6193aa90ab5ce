"""What can be wrong with an expression. Each problem has its place in the text."""

from __future__ import annotations


class CelError(Exception):
    """The expression is not valid: `message` says why, `at` is the offset of a character in it."""

    def __init__(self, message: str, at: int, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.at = at
        self.hint = hint


class EvaluationError(CelError):
    """The expression has no value for these variables."""


class BudgetError(EvaluationError):
    """An evaluation costs more than it may: it is ended, and nothing of CEL can absorb that."""
