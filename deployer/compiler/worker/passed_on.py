"""Clocks and chance that a flow's code passes to another function, as in ``partial(time.time)``.

What is written in C, such as `functools.partial`, `map` and `defaultdict`, calls them without an event, so that
`changeable` sees no call. What a module passes on is read from its source.
"""

from __future__ import annotations

import ast
import dataclasses
import datetime
import random
import time
from collections.abc import Iterator, Mapping
from types import BuiltinFunctionType, ModuleType
from typing import Any

from .changeable import is_changeable
from .source import parsed

_MODULES = (datetime, random, time)


def passes_on_changeable(module: ModuleType) -> str:
    """The first function, as it is written, that may give another result each time and is passed on; else empty.

    The bodies of functions with decorators, as steps are, run later.
    """
    names: Mapping[str, Any] = getattr(module, "__dict__", {})
    if not any(_is_of_interest(value) for value in names.values()):
        return ""  # nothing is parsed for most modules
    try:
        tree = parsed(str(module.__file__))
    except (OSError, SyntaxError, ValueError, RecursionError):
        return ""
    return next((ast.unparse(each) for each in _passed_on(tree) if _is_changeable(_found(each, names))), "")


def _is_of_interest(value: Any) -> bool:
    return _is_date(value) or any(value is module for module in _MODULES) or _is_changeable(value)


def _is_date(value: Any) -> bool:
    # By its type: to ask for the class of a user's object may run code of the user.
    return issubclass(type(value), type) and issubclass(value, datetime.date)


def _is_changeable(value: Any) -> bool:
    return type(value) is BuiltinFunctionType and is_changeable(value)


def _passed_on(tree: ast.AST) -> Iterator[ast.expr]:
    """The names among the arguments of calls."""
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.decorator_list:
            todo.extend((*node.decorator_list, node.args))
            continue
        todo.extend(ast.iter_child_nodes(node))
        if isinstance(node, ast.Call) and not _is_field(node.func):
            given = (*node.args, *(keyword.value for keyword in node.keywords))
            yield from (each for each in given if isinstance(each, (ast.Name, ast.Attribute)))


def _is_field(called: ast.expr) -> bool:
    """Whether it looks like `dataclasses.field`, whose factories are called by code in Python."""
    return getattr(called, "attr", getattr(called, "id", "")) == dataclasses.field.__name__


def _found(node: ast.expr, names: Mapping[str, Any]) -> Any:
    """What a name of the module stands for now, without running code of a user; None for what is unknown."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if not isinstance(node, ast.Attribute):
        return None
    owner = _found(node.value, names)
    if issubclass(type(owner), ModuleType):
        return vars(owner).get(node.attr)
    return getattr(datetime.datetime, node.attr, None) if _is_date(owner) else None
