"""The import statements of a source file, also those inside of functions."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from .load import is_main
from .source import parsed


class Import(NamedTuple):
    """One name that a statement imports: absolute, and perhaps that of something in a module (``a.b.function``)."""

    name: str
    line: int


def imports_of(file: str, package: str) -> Iterator[Import]:
    """What a file imports when it is loaded and when its functions run, in the order of the lines.

    `package` is what its relative imports start at. What is for type checkers alone, or for a file that is started, is
    left out. Nothing for a file that cannot be read: whatever loads it says why.
    """
    try:
        tree = parsed(file)
    except (OSError, SyntaxError, ValueError, RecursionError):
        return
    found = [each for node in _nodes(tree) for each in _imports(node, package)]
    yield from sorted(found, key=lambda each: each.line)


def _nodes(tree: ast.AST) -> Iterator[ast.AST]:
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        yield node
        if isinstance(node, ast.If) and (_is_for_types(node.test) or is_main(node)):
            todo.extend(node.orelse)
        else:
            todo.extend(ast.iter_child_nodes(node))


def _is_for_types(test: ast.expr) -> bool:
    return (test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", "")) == "TYPE_CHECKING"


def _imports(node: ast.AST, package: str) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield Import(alias.name, node.lineno)
    elif isinstance(node, ast.ImportFrom):
        above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
        module = ".".join([*filter(None, above), *filter(None, [node.module])])
        for alias in node.names:
            name = module if alias.name == "*" else f"{module}.{alias.name}"
            yield Import(name.lstrip("."), node.lineno)
    elif isinstance(node, ast.Call) and node.args and _called(node.func) in ("import_module", "__import__"):
        given = node.args[0]
        if isinstance(given, ast.Constant) and isinstance(given.value, str) and not given.value.startswith("."):
            yield Import(given.value, node.lineno)


def _called(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
