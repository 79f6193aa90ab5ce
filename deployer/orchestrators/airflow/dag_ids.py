"""Finds the ids of the DAGs that any Python file defines."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator


def dag_ids(source: bytes) -> Iterator[str]:
    """The ids that a Python file gives to DAGs as literals: ``DAG("x")``, ``dag_id="x"``. The file is not executed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the file may be foreign, so its invalid escapes are not reported
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) in ("DAG", "dag"):
            given = [word.value for word in node.keywords if word.arg == "dag_id"] or node.args[:1]
            values = [each.value for each in given if isinstance(each, ast.Constant)]
            yield from (value for value in values if isinstance(value, str))


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
