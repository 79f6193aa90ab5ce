"""The macros as loops: the part of an evaluation whose cost depends on values.

The two loops are written out, without a function for each item: they take most of the time of most policies.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from deployer.policies.cel.budget import SPEND, SpentError, Step, Values, kept, spent
from deployer.policies.cel.problems import BudgetError, EvaluationError
from deployer.policies.cel.tree import Macro
from deployer.policies.cel.values import kind_of


@dataclass(frozen=True)
class Loop:
    """A macro with its compiled parts. `cost` is what an item costs, `at` and `condition_at` are for messages."""

    macro: Macro
    operand: Step
    names: tuple[str, ...]
    condition: Step | None
    condition_at: int
    transform: Step | None
    cost: int
    at: int

    def items(self, values: Values) -> Iterable[Any]:
        """The items, in pairs with their keys or indexes where two names are given. Raises EvaluationError."""
        holder = self.operand(values)
        if not isinstance(holder, dict | list | tuple):
            raise EvaluationError(f"{self.macro}() is of a list or a map, found {kind_of(holder)}", self.at)
        if len(self.names) == 1:
            return holder
        return holder.items() if isinstance(holder, dict) else enumerate(holder)

    def not_a_bool(self, value: Any) -> EvaluationError:
        """The error of a condition that is neither true nor false."""
        message = f"what {self.macro}() asks of each item is a bool, found {kind_of(value)}"
        return EvaluationError(message, self.condition_at)


def compile_loop(loop: Loop) -> Step:
    """The macro as a step."""
    if loop.macro in ("all", "exists") and loop.condition is not None:
        return _quantifier(loop, loop.condition, decisive=loop.macro == "exists")
    return _collector(loop)


def _quantifier(loop: Loop, condition: Step, *, decisive: bool) -> Step:
    """``all`` and ``exists``: one decisive item decides, even if another fails."""
    first, second, cost = loop.names[0], loop.names[-1], loop.cost
    is_pair = len(loop.names) == 2

    def run(values: Values) -> bool:
        items, spend = loop.items(values), values[SPEND]
        hidden = _hidden(values, loop.names)
        failed: EvaluationError | None = None
        try:
            for item in items:
                spend(cost)
                if is_pair:
                    values[first], values[second] = item
                else:
                    values[first] = item
                try:
                    value = condition(values)
                    if value is decisive:
                        return bool(value)
                    if not isinstance(value, bool):
                        raise loop.not_a_bool(value)
                except BudgetError:
                    raise
                except EvaluationError as error:
                    absorbed = kept(error, values)
                    failed = failed or absorbed
        except SpentError:
            raise spent(loop.at) from None
        finally:
            _restore(values, loop.names, hidden)
        if failed is not None:
            raise failed
        return not decisive

    return run


def _collector(loop: Loop) -> Step:
    """``filter``, ``map`` and ``exists_one``, which look at every item."""
    first, second, cost, condition, transform = loop.names[0], loop.names[-1], loop.cost, loop.condition, loop.transform
    is_pair = len(loop.names) == 2

    def run(values: Values) -> Any:
        items, spend = loop.items(values), values[SPEND]
        hidden = _hidden(values, loop.names)
        found: list[Any] = []
        try:
            for item in items:
                spend(cost)
                if is_pair:
                    values[first], values[second] = item
                else:
                    values[first] = item
                passes = condition is None or condition(values)
                if not isinstance(passes, bool):
                    raise loop.not_a_bool(passes)
                if passes:
                    found.append(item if transform is None else transform(values))
        except SpentError:
            raise spent(loop.at) from None
        finally:
            _restore(values, loop.names, hidden)
        return len(found) == 1 if loop.macro == "exists_one" else found

    return run


def _hidden(values: Values, names: tuple[str, ...]) -> Values:
    """The variables that the names of a macro hide."""
    return {name: values[name] for name in names if name in values}


def _restore(values: Values, names: tuple[str, ...], hidden: Values) -> None:
    for name in names:
        values.pop(name, None)
    values.update(hidden)
