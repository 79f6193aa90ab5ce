"""The docstrings of a flow, read from its file without running it.

A plan takes the description of a flow that has not changed from the cache, and no description has docstrings, since
they decide nothing.
"""

from __future__ import annotations

import ast
import inspect
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deployer.models.regular_file import read_regular

_MOST_BYTES = 10_000_000


@dataclass(frozen=True)
class FlowDocs:
    """The docstring of a flow's class and those of its methods by name, and the line of the class."""

    doc: str = ""
    steps: Mapping[str, str] = field(default_factory=dict)
    line: int | None = None


def read_flow_docs(path: Path, name: str) -> FlowDocs:
    """The docs of the flow class of this name; empty ones where the file cannot be read or has no such class.

    Steps that the class inherits from another class of the same file have theirs, too.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            tree = ast.parse(read_regular(path, _MOST_BYTES))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return FlowDocs()
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    if name not in classes:
        return FlowDocs()
    steps: dict[str, str] = {}
    for holder in _with_bases(name, classes):
        for item in holder.body:
            if isinstance(item, ast.FunctionDef) and item.name not in steps:
                steps[item.name] = _doc(item)
    return FlowDocs(_doc(classes[name]), {step: doc for step, doc in steps.items() if doc}, classes[name].lineno)


def _doc(node: ast.ClassDef | ast.FunctionDef) -> str:
    return inspect.cleandoc(ast.get_docstring(node, clean=False) or "")


def _with_bases(name: str, classes: Mapping[str, ast.ClassDef]) -> Iterator[ast.ClassDef]:
    """A class and those of the file that it derives from, the nearest first; each once."""
    waiting, seen = [name], set()
    while waiting:
        current = waiting.pop(0)
        if current in classes and current not in seen:
            seen.add(current)
            yield classes[current]
            waiting += [base.id for base in classes[current].bases if isinstance(base, ast.Name)]
