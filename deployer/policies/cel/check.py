"""The types of an expression, found without its variables' values.

What is wrong is found also in parts that are never evaluated: an unknown field in `has()` would otherwise be false for
ever, and its policy would hold for everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from deployer.errors import nearest
from deployer.policies.cel.functions import GLOBALS, METHODS, Function
from deployer.policies.cel.operators import OPERATORS
from deployer.policies.cel.parser import MACROS
from deployer.policies.cel.patterns import PatternError, compiled
from deployer.policies.cel.problems import CelError
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
)
from deployer.policies.cel.types import (
    BOOL,
    DOUBLE,
    DYN,
    INT,
    NULL,
    STRING,
    Basic,
    ListType,
    MapType,
    Record,
    Type,
    fits,
    joined,
    may_be_equal,
    words_of,
)


@dataclass(frozen=True)
class Checked:
    """An expression without a problem: its tree, its type, and the variables that it reads."""

    tree: Node
    type: Type
    reads: frozenset[str]


def check(tree: Node, variables: Mapping[str, Type], wanted: Type) -> Checked | list[CelError]:
    """The expression with its type, which has to be `wanted`, or everything that is wrong with it."""
    checker = _Checker(variables)
    kind = checker.type_of(tree)
    if not checker.problems and not fits(kind, wanted):
        checker.problem(f"expected {words_of(wanted)} as the result, found {words_of(kind)}", tree.at)
    if checker.problems:
        return sorted(checker.problems, key=lambda problem: problem.at)
    return Checked(tree, kind, frozenset(checker.reads))


@dataclass
class _Checker:
    variables: Mapping[str, Type]
    problems: list[CelError] = field(default_factory=list)
    reads: set[str] = field(default_factory=set)
    local: dict[str, Type] = field(default_factory=dict)

    def problem(self, message: str, at: int, hint: str = "") -> Type:
        self.problems.append(CelError(message, at, hint))
        return DYN

    def type_of(self, node: Node) -> Type:
        """The type of a node; any value for one with a problem, which is reported once."""
        if isinstance(node, Constant):
            return _of_constant(node.value)
        if isinstance(node, Name):
            return self.of_name(node)
        if isinstance(node, Select):
            return self.of_field(node)
        if isinstance(node, Index):
            return self.of_index(node)
        if isinstance(node, Call):
            return self.of_call(node)
        if isinstance(node, Comprehension):
            return self.of_comprehension(node)
        return self.of_compound(node)

    def of_compound(self, node: Logic | Conditional | ListOf | MapOf) -> Type:
        if isinstance(node, Logic):
            for part in node.parts:
                self.expect_bool(part, f"{node.operator} is of bools")
            return BOOL
        if isinstance(node, Conditional):
            self.expect_bool(node.condition, "a condition is a bool")
            return joined([self.type_of(node.yes), self.type_of(node.no)])
        if isinstance(node, ListOf):
            return ListType(joined([self.type_of(item) for item in node.items]))
        keys = [self.type_of(key) for key, _ in node.pairs]
        return MapType(joined(keys), joined([self.type_of(value) for _, value in node.pairs]))

    def expect_bool(self, node: Node, rule: str) -> None:
        kind = self.type_of(node)
        if not fits(kind, BOOL):
            self.problem(f"{rule}, found {words_of(kind)}", node.at)

    def of_name(self, node: Name) -> Type:
        if node.name in self.local:
            return self.local[node.name]
        if node.name in self.variables:
            self.reads.add(node.name)
            return self.variables[node.name]
        known = [*self.local, *self.variables]
        hint = nearest(node.name, known) or f"the variables are {', '.join(known)}"
        return self.problem(f"unknown variable {node.name!r}", node.at, hint)

    def of_field(self, node: Select) -> Type:
        kind = self.type_of(node.operand)
        found: Type = DYN
        if isinstance(kind, Record):
            if node.field not in kind.fields:
                return self.unknown_field(node.field, kind, node.at)
            found = kind.fields[node.field]
        elif isinstance(kind, MapType):
            found = kind.value
        elif kind != DYN:
            return self.problem(f"{words_of(kind)} has no field {node.field!r}", node.at)
        return BOOL if node.test else found

    def unknown_field(self, name: str, record: Record, at: int) -> Type:
        hint = nearest(name, record.fields) or f"the fields are {', '.join(record.fields)}"
        return self.problem(f"unknown field {name!r}", at, hint)

    def of_index(self, node: Index) -> Type:
        kind, key = self.type_of(node.operand), self.type_of(node.key)
        if isinstance(kind, Record):
            if isinstance(node.key, Constant) and isinstance(node.key.value, str):
                return self.of_field(Select(node.operand, node.key.value, node.key.at))
            return DYN
        if isinstance(kind, MapType):
            if not fits(key, kind.key):
                return self.problem(f"the keys are strings, found {words_of(key)}", node.key.at)
            return kind.value
        if isinstance(kind, ListType):
            if not fits(key, INT):
                return self.problem(f"the index of a list is a whole number, found {words_of(key)}", node.key.at)
            return kind.item
        return DYN if kind == DYN else self.problem(f"{words_of(kind)} has no items", node.at)

    def of_call(self, node: Call) -> Type:
        takes = [self.type_of(each) for each in (*([node.target] if node.target else []), *node.arguments)]
        function = self.function(node)
        if function is None:
            return DYN
        if node.function in ("_==_", "_!=_", "_in_"):
            self.check_equality(node, *takes)
        if node.function == "matches":
            self.check_pattern(node.arguments[-1:])
        found = [
            each for each in function.signatures if len(each.takes) == len(takes) and all(map(fits, takes, each.takes))
        ]
        if not found:
            shown = " and ".join(map(words_of, takes)) or "nothing"
            shown_name = node.function.strip("_") if node.function in OPERATORS else f"{node.function}()"
            return self.problem(f"{shown_name} does not take {shown}", node.at)
        return joined([each.gives for each in found])

    def function(self, node: Call) -> Function | None:
        if node.function in OPERATORS:
            return OPERATORS[node.function]
        here, other = (METHODS, GLOBALS) if node.target is not None else (GLOBALS, METHODS)
        if node.function in here:
            return here[node.function]
        hint = nearest(node.function, [*here, *(MACROS if node.target is not None else ("has",))])
        if node.function in other:
            is_method = node.target is not None
            hint = f"write {node.function}(x)" if is_method else f"write x.{node.function}(...)"
        self.problem(f"unknown function {node.function!r}", node.at, hint)
        return None

    def check_equality(self, node: Call, one: Type, other: Type) -> None:
        if node.function == "_in_":
            if isinstance(other, Basic) and other != DYN:
                self.problem(f"'in' is of a list or the keys of a map, found {words_of(other)}", node.at)
                return
            holder = other
            other = DYN
            if isinstance(holder, Record):
                self.check_keys(node.arguments[0], holder)
            if isinstance(holder, ListType):
                other = holder.item
            elif isinstance(holder, MapType | Record):
                other = STRING if isinstance(holder, Record) else holder.key
        if not may_be_equal(one, other):
            self.problem(f"{words_of(one)} is never equal to {words_of(other)}", node.at)
        self.check_words(node.arguments, one, other)

    def check_keys(self, node: Node, record: Record) -> None:
        """A string that is looked for among the fields of a record is one of them."""
        if isinstance(node, Constant) and isinstance(node.value, str) and node.value not in record.fields:
            self.unknown_field(node.value, record, node.at)

    def check_words(self, sides: tuple[Node, ...], one: Type, other: Type) -> None:
        """A string that is compared with one of a closed set of words is one of them."""
        for kind, node in ((one, sides[1]), (other, sides[0])):
            words = kind.words if isinstance(kind, Basic) else ()
            for each in node.items if isinstance(node, ListOf) else (node,):
                if words and isinstance(each, Constant) and isinstance(each.value, str) and each.value not in words:
                    hint = nearest(each.value, words) or f"it is one of {', '.join(words)}"
                    self.problem(f"it is never {each.value!r}", each.at, hint)

    def check_pattern(self, arguments: tuple[Node, ...]) -> None:
        for node in arguments:
            if isinstance(node, Constant) and isinstance(node.value, str):
                try:
                    compiled(node.value)
                except PatternError as error:
                    self.problem(str(error), node.at)

    def of_comprehension(self, node: Comprehension) -> Type:
        kinds = self.kinds_of_items(node)
        outer = dict(self.local)
        self.local.update(zip(node.variables, kinds, strict=True))
        if node.condition is not None:
            self.expect_bool(node.condition, f"what {node.macro}() asks of each item is a bool")
        made = self.type_of(node.transform) if node.transform is not None else DYN
        self.local = outer
        if node.macro == "map":
            return ListType(made)
        return ListType(kinds[0]) if node.macro == "filter" else BOOL

    def kinds_of_items(self, node: Comprehension) -> tuple[Type, ...]:
        """The types of the variables of a macro."""
        kind = self.type_of(node.operand)
        key: Type = DYN
        value: Type = DYN
        if isinstance(kind, ListType):
            key, value = INT, kind.item
        elif isinstance(kind, MapType):
            key, value = kind.key, kind.value
        elif isinstance(kind, Record):
            key = STRING
        elif kind != DYN:
            self.problem(f"{node.macro}() is of a list or a map, found {words_of(kind)}", node.at)
        if len(node.variables) == 2:
            return (key, value)
        return (value,) if isinstance(kind, ListType) else (key,)


def _of_constant(value: object) -> Type:
    if value is None:
        return NULL
    if isinstance(value, bool):
        return BOOL
    if isinstance(value, int):
        return INT
    return DOUBLE if isinstance(value, float) else STRING
