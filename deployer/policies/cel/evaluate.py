"""A checked expression as a function of the values of its variables.

Each node becomes a closure, so that an evaluation looks at no tree: fifty policies for a thousand changes are fifty
thousand evaluations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from deployer.policies.cel.budget import SPEND, Budget, SpentError, Step, Values, kept, spent
from deployer.policies.cel.check import Checked
from deployer.policies.cel.functions import GLOBALS, METHODS
from deployer.policies.cel.loops import Loop, compile_loop
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


class Program:
    """An expression to evaluate."""

    def __init__(self, checked: Checked) -> None:
        self.reads = checked.reads
        self._run = _compile(checked.tree)

    def evaluate(self, variables: Mapping[str, Any]) -> Any:
        """The value of the expression. Raises EvaluationError, and BudgetError where it costs too much."""
        return self._run({**variables, SPEND: Budget().spend})


def compile_checked(checked: Checked) -> Program:
    """The expression as a program."""
    return Program(checked)


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
            return function(values[SPEND], *found)
        except ValueError as error:
            raise EvaluationError(str(error), at) from None
        except SpentError:
            raise spent(at) from None

    return run


def _call_of_two(function: Callable[..., Any], one: Step, other: Step, at: int) -> Step:
    """Most calls: without the list of arguments they take a third less time."""

    def run(values: Values) -> Any:
        left, right = one(values), other(values)
        try:
            return function(values[SPEND], left, right)
        except ValueError as error:
            raise EvaluationError(str(error), at) from None
        except SpentError:
            raise spent(at) from None

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
                absorbed = kept(error, values)
                failed = failed or absorbed
        if failed is not None:
            raise failed
        return not decisive

    return run


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
    asked = node.condition
    return compile_loop(
        Loop(
            macro=node.macro,
            operand=_compile(node.operand),
            names=node.variables,
            condition=_compile(asked) if asked is not None else None,
            condition_at=asked.at if asked is not None else node.at,
            transform=_compile(node.transform) if node.transform is not None else None,
            cost=1 + sum(size_of(part) for part in (asked, node.transform) if part is not None),
            at=node.at,
        )
    )
