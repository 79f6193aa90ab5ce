"""The syntax tree of an expression. `at` is the offset in the text of what a message about the node points to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Constant:
    """A value that is written out."""

    value: Any
    at: int


@dataclass(frozen=True)
class Name:
    """A variable."""

    name: str
    at: int


@dataclass(frozen=True)
class Select:
    """``operand.field``; with `test` it is ``has(operand.field)``."""

    operand: Node
    field: str
    at: int
    test: bool = False


@dataclass(frozen=True)
class Index:
    """``operand[key]``."""

    operand: Node
    key: Node
    at: int


@dataclass(frozen=True)
class Call:
    """A function, a method (with its `target`), or an operator by its name in CEL (``_+_``)."""

    function: str
    target: Node | None
    arguments: tuple[Node, ...]
    at: int


@dataclass(frozen=True)
class Logic:
    """``&&`` or ``||`` of two or more parts."""

    operator: Literal["&&", "||"]
    parts: tuple[Node, ...]
    at: int


@dataclass(frozen=True)
class Conditional:
    """``condition ? yes : no``."""

    condition: Node
    yes: Node
    no: Node
    at: int


@dataclass(frozen=True)
class ListOf:
    """``[a, b]``."""

    items: tuple[Node, ...]
    at: int


@dataclass(frozen=True)
class MapOf:
    """``{a: b}``."""

    pairs: tuple[tuple[Node, Node], ...]
    at: int


Macro = Literal["all", "exists", "exists_one", "filter", "map"]


@dataclass(frozen=True)
class Comprehension:
    """A macro over a list or the keys of a map. With two `variables` they are key (or index) and value.

    `condition` is what is asked of each item; None for a ``map`` without one. `transform` is what ``map`` makes of it.
    """

    macro: Macro
    operand: Node
    variables: tuple[str, ...]
    condition: Node | None
    transform: Node | None
    at: int


Node = Constant | Name | Select | Index | Call | Logic | Conditional | ListOf | MapOf | Comprehension


def children(node: Node) -> Iterator[Node]:
    """The nodes right below a node."""
    if isinstance(node, Select):
        yield node.operand
    elif isinstance(node, Index):
        yield from (node.operand, node.key)
    elif isinstance(node, Call):
        yield from (node.target, *node.arguments) if node.target is not None else node.arguments
    elif isinstance(node, Logic):
        yield from node.parts
    elif isinstance(node, Conditional):
        yield from (node.condition, node.yes, node.no)
    elif isinstance(node, ListOf):
        yield from node.items
    elif isinstance(node, MapOf):
        for pair in node.pairs:
            yield from pair
    elif isinstance(node, Comprehension):
        yield from (each for each in (node.operand, node.condition, node.transform) if each is not None)


def size_of(node: Node) -> int:
    """How many nodes there are from this one on."""
    return 1 + sum(map(size_of, children(node)))


def path_of(node: Node) -> str:
    """``after.settings.owner`` for a chain of fields; empty for anything else."""
    if isinstance(node, Name):
        return node.name
    if isinstance(node, Select):
        above = path_of(node.operand)
        return f"{above}.{node.field}" if above else ""
    return ""
