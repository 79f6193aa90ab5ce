"""Finds the ids of the DAGs that any Python file defines."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Collection, Iterator


def dag_ids(source: bytes) -> Iterator[str]:
    """The ids that a Python file gives to DAGs as literals: ``DAG("x")``, ``dag_id="x"``. The file is not executed."""
    for call in calls_in(parsed(source), ("DAG", "dag")):
        given = keyword(call, "dag_id") or next(iter(call.args), None)
        if isinstance(given, ast.Constant) and isinstance(given.value, str):
            yield given.value


def parsed(source: bytes) -> ast.Module | None:
    """The syntax tree of a file that may be foreign; None if it is not valid Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its invalid escapes are not reported
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def calls_in(tree: ast.AST | None, functions: Collection[str]) -> Iterator[ast.Call]:
    """The calls of functions with these names."""
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.Call) and _name(node.func) in functions:
            yield node


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    """The value of a keyword argument; None if it is not given."""
    return next((word.value for word in call.keywords if word.arg == name), None)


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
