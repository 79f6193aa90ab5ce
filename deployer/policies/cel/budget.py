"""What one evaluation may cost, and who is told when it costs more.

The limit is a count and not a clock, so that the outcome is the same on every machine: loops and what copies or
searches values are charged, and the expression's length limits everything else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from deployer.policies.cel.problems import BudgetError, EvaluationError

MAX_COST: Final = 1_000_000
"""What one evaluation may cost, in evaluated nodes. Kubernetes' limit for an expression has the same number."""
SPEND: Final = "$spend"
"""Under which the values of variables have what is told of costs; no variable can have this name."""

Values = dict[str, Any]
Step = Callable[[Values], Any]
_COST_OF_FAILURE: Final = 100


class SpentError(Exception):
    """The budget is spent; who was about to spend it says where."""


class Budget:
    """What is left of the cost of one evaluation."""

    def __init__(self) -> None:
        self.left = MAX_COST

    def spend(self, cost: int) -> None:
        """Raises SpentError if nothing is left."""
        self.left -= cost
        if self.left < 0:
            raise SpentError


def spent(at: int) -> BudgetError:
    """The error of the node at `at` whose evaluation costs too much."""
    return BudgetError(f"the evaluation takes more than {MAX_COST:,} steps", at, "ask less of large lists and maps")


def kept(error: EvaluationError, values: Values) -> EvaluationError:
    """A failure that something else may still absorb, without the frames that it came through."""
    try:
        values[SPEND](_COST_OF_FAILURE)
    except SpentError:
        raise spent(error.at) from None
    error.__context__ = None
    return error.with_traceback(None)
