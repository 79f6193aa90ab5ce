"""Locations in a flow's source: the lines that messages point to."""

from __future__ import annotations

import ast
import inspect
import linecache
import types
from collections import deque
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from metaflow import FlowSpec

from .regular_file import open_regular

Location = tuple[str, int]


class Source:
    """The source of a flow's class and of the flow classes that it derives from, nearest first."""

    def __init__(self, flow: type) -> None:
        self._classes: list[tuple[str, ast.ClassDef]] = []
        self._file = inspect.getfile(flow)
        for cls in flow.__mro__:
            if issubclass(cls, FlowSpec) and cls is not FlowSpec:
                self._classes.extend(_class_nodes(cls))

    def flow(self) -> Location:
        """The line of the class statement."""
        for file, node in self._classes[:1]:
            return file, node.lineno
        return self._file, 1

    def decorator(self, name: str, step: str | None = None) -> Location:
        """The line of a decorator of the flow or of one of its steps; if not found, the line of what it decorates."""
        nodes = self._step_nodes(step) if step else iter(self._classes)
        first: Location | None = None
        for file, node in nodes:
            first = first or (file, node.lineno)
            for decorator in node.decorator_list:
                if _called_name(decorator) == name:
                    return file, decorator.lineno
        return first or self.flow()

    def flow_decorator(self, decorator: Any, all_of_name: Sequence[Any]) -> Location:
        """The line of one of several decorators of the flow that have one name, given in the order of Metaflow."""
        lines = [
            (file, node.lineno)
            for file, cls in self._classes
            for node in cls.decorator_list
            if _called_name(node) == decorator.name
        ]
        if len(lines) != len(all_of_name):
            return self.decorator(decorator.name)
        # Decorators are applied from the last line to the first.
        return lines[::-1][[other is decorator for other in all_of_name].index(True)]

    def step(self, name: str) -> Location:
        """The line of a step's ``def``."""
        for file, node in self._step_nodes(name):
            return file, node.lineno
        return self.flow()

    def parameter(self, attribute: str, name: str) -> Location:
        """The line of the statement that defines a parameter, by its variable or its name."""
        for file, node in self._classes:
            for statement in node.body:
                if isinstance(statement, (ast.Assign, ast.AnnAssign)) and (
                    attribute in _targets(statement) or _first_argument(statement.value) == name
                ):
                    return file, statement.lineno
        return self.flow()

    def _step_nodes(self, step: str | None) -> Iterator[tuple[str, ast.FunctionDef]]:
        for file, node in self._classes:
            for statement in node.body:
                if isinstance(statement, ast.FunctionDef) and statement.name == step:
                    yield file, statement


# Where the nodes of statements have further ones.
_BLOCKS = ("body", "handlers", "orelse", "finalbody", "cases")


@cache
def parsed(file: str) -> ast.Module:
    """The syntax tree of a file, not to be changed. Raises OSError, SyntaxError, ValueError."""
    with open_regular(file) as stream:
        return ast.parse(stream.read(), filename=file)


def lines_of(function: Any) -> tuple[list[str], int]:
    """As `inspect.getsourcelines`, but from the syntax tree of the file, which is parsed already.

    Comments after the last statement are left out. Raises OSError, TypeError.
    """
    function = inspect.unwrap(function)
    code = getattr(function, "__code__", None)
    last = _last_lines(code.co_filename).get(code.co_firstlineno) if isinstance(code, types.CodeType) else None
    if code is None or last is None:
        return inspect.getsourcelines(function)
    return linecache.getlines(code.co_filename)[code.co_firstlineno - 1 : last], code.co_firstlineno


@cache
def _last_lines(file: str) -> dict[int, int]:
    """Of the functions of a file: the first line, which is that of the first decorator, and the last."""
    try:
        nodes = statements(parsed(file))
        functions = [node for node in nodes if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    except (OSError, SyntaxError, ValueError):
        return {}
    return {_first_line(node): node.end_lineno for node in functions if node.end_lineno}


def statements(tree: ast.Module) -> Iterator[ast.AST]:
    """As `ast.walk`, without expressions, which are most of the nodes of a tree and hold no statement."""
    todo: deque[ast.AST] = deque([tree])
    while todo:
        node = todo.popleft()
        yield node
        for block in _BLOCKS:
            todo.extend(getattr(node, block, ()))


def _first_line(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def _class_nodes(cls: type) -> Iterator[tuple[str, ast.ClassDef]]:
    try:
        file = inspect.getfile(cls)
        tree = parsed(file)
    except (OSError, TypeError, SyntaxError, ValueError):
        return
    for node in statements(tree):
        if isinstance(node, ast.ClassDef) and node.name == cls.__name__:
            yield file, node


def _called_name(node: ast.expr) -> str:
    target = node.func if isinstance(node, ast.Call) else node
    return target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")


def _targets(statement: ast.Assign | ast.AnnAssign) -> list[str]:
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _first_argument(value: ast.expr | None) -> object:
    if not isinstance(value, ast.Call):
        return None
    named = [keyword.value for keyword in value.keywords if keyword.arg == "name"]
    for node in (*value.args[:1], *named):
        if isinstance(node, ast.Constant):
            return node.value
    return None
