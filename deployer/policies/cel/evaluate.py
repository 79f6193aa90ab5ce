"""A checked expression as a function of the values of its variables.

Each node becomes a closure, so that an evaluation looks at no tree: fifty policies for a thousand changes are fifty
thousand evaluations. The cost of one is limited by a count and not by a clock, so that the outcome is the same on
every machine: loops and what copies or searches values are charged, and the expression's length limits everything else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from deployer.policies.cel.check import Checked
from deployer.policies.cel.functions import GLOBALS, METHODS
from deployer.policies.cel.operators import OPERATORS
from deployer.policies.cel.problems import BudgetError, EvaluationError
from deployer.policies.cel.tree import (
    Call,
    Comprehension,
    Conditional,
    Constant,
    Index,
    ListOf,
    Logic,
    MapOf,
    Name,
    Node,
    Select,
    path_of,
    size_of,
)
from deployer.policies.cel.values import kind_of

MAX_COST: Final = 1_000_000
"""What one evaluation may cost, in evaluated nodes. Kubernetes' limit for an expression has the same number."""

Values = dict[str, Any]
Step = Callable[[Values], Any]
_COST_OF_FAILURE: Final = 100
_SPEND: Final = "$spend"  # no variable can have this name


class Program:
    """An expression to evaluate."""

    def __init__(self, checked: Checked) -> None:
        self.reads = checked.reads
        self._run = _compile(checked.tree)

    def evaluate(self, variables: Mapping[str, Any]) -> Any:
        """The value of the expression. Raises EvaluationError, and BudgetError where it costs too much."""
        return self._run({**variables, _SPEND: _Budget().spend})


def compile_checked(checked: Checked) -> Program:
    """The expression as a program."""
    return Program(checked)


class _Budget:
    """What is left of the cost of one evaluation."""

    def __init__(self) -> None:
        self.left = MAX_COST

    def spend(self, cost: int) -> None:
        """Raises _Spent if nothing is left."""
        self.left -= cost
        if self.left < 0:
            raise _Spent


class _Spent(Exception):
    """The budget is spent; who was about to spend it says where."""


def _spent(at: int) -> BudgetError:
    return BudgetError(f"the evaluation takes more than {MAX_COST:,} steps", at, "ask less of large lists and maps")


def _compile(node: Node) -> Step:
    if isinstance(node, Constant):
        value = node.value
        return lambda values: value
    if isinstance(node, Name):
        name = node.name
        return lambda values: values[name]
    if isinstance(node, Select):
        return _has(node) if node.test else _select(node)
    if isinstance(node, Index):
        return _index(node)
    if isinstance(node, Call):
        return _call(node)
    if isinstance(node, Logic):
        return _logic(node.parts, node.operator == "||", node.operator)
    if isinstance(node, Conditional):
        return _conditional(node)
    if isinstance(node, ListOf):
        items = [_compile(item) for item in node.items]
        return lambda values: [item(values) for item in items]
    if isinstance(node, MapOf):
        return _map(node)
    return _comprehension(node)


def _select(node: Select) -> Step:
    path = path_of(node)
    return _select_path(node, path.split(".")) if path else _select_one(node)


def _select_path(node: Select, path: list[str]) -> Step:
    """A chain of fields of a variable in one step; field by field where one of them is not there."""
    name, fields, slowly = path[0], path[1:], _select_one(node)

    def run(values: Values) -> Any:
        holder = values[name]
        try:
            for field in fields:
                holder = holder[field]
        except (KeyError, TypeError, IndexError):
            return slowly(values)
        return holder

    return run


def _select_one(node: Select) -> Step:
    operand, field = _compile(node.operand), node.field

    def run(values: Values) -> Any:
        holder = operand(values)
        try:
            return holder[field]
        except (KeyError, TypeError, IndexError):
            raise _missing(node, holder) from None

    return run


def _missing(node: Select, holder: Any) -> EvaluationError:
    above = path_of(node.operand) or "the value"
    if not isinstance(holder, dict):
        hint = f"ask {above} != null first" if holder is None else ""
        return EvaluationError(f"{above} is {kind_of(holder)} and has no field {node.field!r}", node.at, hint)
    hint = f"ask has({path_of(node)}) first" if path_of(node) else "ask has() first"
    return EvaluationError(f"{above} has no {node.field!r} here", node.at, hint)


def _has(node: Select) -> Step:
    operand, field = _compile(node.operand), node.field

    def run(values: Values) -> bool:
        holder = operand(values)
        if isinstance(holder, dict):
            return field in holder
        raise _missing(node, holder)

    return run


def _index(node: Index) -> Step:
    operand, key, at = _compile(node.operand), _compile(node.key), node.at

    def run(values: Values) -> Any:
        holder, wanted = operand(values), key(values)
        if isinstance(holder, dict) and isinstance(wanted, str | int | float):
            if wanted in holder:
                return holder[wanted]
            raise EvaluationError(f"the map has no key {wanted!r}"[:100], at, "ask `key in map` first")
        if isinstance(holder, list | tuple) and isinstance(wanted, int) and not isinstance(wanted, bool):
            if 0 <= wanted < len(holder):
                return holder[wanted]
            raise EvaluationError(f"the list has {len(holder)} items, and none at {wanted}", at)
        raise EvaluationError(f"{kind_of(holder)} has no item by {kind_of(wanted)}", at)

    return run


def _call(node: Call) -> Step:
    table = OPERATORS if node.function in OPERATORS else METHODS if node.target is not None else GLOBALS
    function, at = table[node.function].run, node.at
    arguments = [_compile(each) for each in (*([node.target] if node.target else []), *node.arguments)]
    if len(arguments) == 2:
        return _call_of_two(function, arguments[0], arguments[1], at)

    def run(values: Values) -> Any:
        found = [argument(values) for argument in arguments]
        try:
            return function(values[_SPEND], *found)
        except ValueError as error:
            raise EvaluationError(str(error), at) from None
        except _Spent:
            raise _spent(at) from None

    return run


def _call_of_two(function: Callable[..., Any], one: Step, other: Step, at: int) -> Step:
    """Most calls: without the list of arguments they take a third less time."""

    def run(values: Values) -> Any:
        left, right = one(values), other(values)
        try:
            return function(values[_SPEND], left, right)
        except ValueError as error:
            raise EvaluationError(str(error), at) from None
        except _Spent:
            raise _spent(at) from None

    return run


def _logic(parts: Iterable[Node], decisive: bool, operator: str) -> Step:
    """One decisive part decides, even if another fails."""
    steps = [(_compile(part), part.at) for part in parts]

    def run(values: Values) -> bool:
        failed: EvaluationError | None = None
        for step, at in steps:
            try:
                value = step(values)
                if not isinstance(value, bool):
                    raise EvaluationError(f"{operator} is of bools, found {kind_of(value)}", at)
                if value is decisive:
                    return value
            except BudgetError:
                raise
            except EvaluationError as error:
                kept = _kept(error, values)
                failed = failed or kept
        if failed is not None:
            raise failed
        return not decisive

    return run


def _kept(error: EvaluationError, values: Values) -> EvaluationError:
    """A failure that something else may still absorb, without the frames that it came through."""
    try:
        values[_SPEND](_COST_OF_FAILURE)
    except _Spent:
        raise _spent(error.at) from None
    error.__context__ = None
    return error.with_traceback(None)


def _conditional(node: Conditional) -> Step:
    condition, yes, no, at = _compile(node.condition), _compile(node.yes), _compile(node.no), node.condition.at

    def run(values: Values) -> Any:
        chosen = condition(values)
        if not isinstance(chosen, bool):
            raise EvaluationError(f"a condition is a bool, found {kind_of(chosen)}", at)
        return yes(values) if chosen else no(values)

    return run


def _map(node: MapOf) -> Step:
    pairs = [(_compile(key), _compile(value), key.at) for key, value in node.pairs]

    def run(values: Values) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        for key, value, at in pairs:
            name = key(values)
            if not isinstance(name, str | int):
                raise EvaluationError(f"{kind_of(name)} cannot be the key of a map", at)
            if name in found:
                raise EvaluationError(f"the key {name!r} is there twice"[:100], at)
            found[name] = value(values)
        return found

    return run


def _comprehension(node: Comprehension) -> Step:
    operand, at, macro = _compile(node.operand), node.at, node.macro
    passes = _condition(node)
    transform = _compile(node.transform) if node.transform is not None else None
    cost = 1 + sum(size_of(part) for part in (node.condition, node.transform) if part is not None)
    first = node.variables[0]

    def run(values: Values) -> Any:
        holder = operand(values)
        if not isinstance(holder, dict | list | tuple):
            raise EvaluationError(f"{macro}() is of a list or a map, found {kind_of(holder)}", at)
        loop = _Loop(values, holder, node.variables, cost, at)
        if macro == "all" or macro == "exists":
            return _aggregate(loop, passes, decisive=macro == "exists")
        found: list[Any] = []

        def visit(inner: Values) -> bool:
            if passes(inner):
                found.append(transform(inner) if transform is not None else inner[first])
            return False

        loop.run(visit)
        return len(found) == 1 if macro == "exists_one" else found

    return run


def _condition(node: Comprehension) -> Step:
    if node.condition is None:
        return lambda values: True
    condition, at, macro = _compile(node.condition), node.condition.at, node.macro

    def passes(values: Values) -> bool:
        value = condition(values)
        if not isinstance(value, bool):
            raise EvaluationError(f"what {macro}() asks of each item is a bool, found {kind_of(value)}", at)
        return value

    return passes


class _Loop:
    """Sets the variables of a macro for one item after the other."""

    def __init__(self, values: Values, holder: Any, names: tuple[str, ...], cost: int, at: int) -> None:
        self.values, self.names, self.cost, self.at = values, names, cost, at
        self.items: Iterable[Any] = holder
        if len(names) == 2:
            self.items = holder.items() if isinstance(holder, dict) else enumerate(holder)

    def run(self, visit: Callable[[Values], bool]) -> None:
        """Call `visit` for each item until it returns true. Names that the macro hides come back after it."""
        values, names, cost, spend = self.values, self.names, self.cost, self.values[_SPEND]
        first = names[0] if len(names) == 1 else None
        hidden = {name: values[name] for name in names if name in values}
        try:
            for item in self.items:
                spend(cost)
                if first is not None:
                    values[first] = item
                else:
                    values[names[0]], values[names[1]] = item
                if visit(values):
                    return
        except _Spent:
            raise _spent(self.at) from None
        finally:
            for name in names:
                values.pop(name, None)
            values.update(hidden)


def _aggregate(loop: _Loop, passes: Step, *, decisive: bool) -> bool:
    """One decisive item decides, even if another fails."""
    failed: EvaluationError | None = None
    decided = False

    def visit(inner: Values) -> bool:
        nonlocal decided, failed
        try:
            decided = passes(inner) is decisive
        except BudgetError:
            raise
        except EvaluationError as error:
            kept = _kept(error, inner)
            failed = failed or kept
        return decided

    loop.run(visit)
    if failed is not None and not decided:
        raise failed
    return decisive if decided else not decisive
