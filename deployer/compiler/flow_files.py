"""Finds files with flows by their text. Nothing of a user is run, so what a file defines is not known for sure."""

from __future__ import annotations

import ast
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

from deployer.models.regular_file import open_regular, read_regular

_SKIPPED = {"node_modules", "venv", "site-packages", "build", "dist", "__pycache__"}
_MAX_BYTES = 1_000_000  # of its beginning
_MOST_BYTES = 10_000_000  # of a file that is parsed
_WORDS = (b"class", b"FlowSpec", b"step")


def flow_files(folder: Path) -> Iterator[Path]:
    """The Python files below a folder, sorted by path, without those of hidden folders and of virtual environments."""
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not is_skipped(Path(parent, name)))
        for file in sorted(files):
            path = Path(parent, file)
            if path.suffix == ".py" and not path.is_symlink() and _is_file(path):
                yield path


def is_skipped(folder: Path) -> bool:
    """Whether a folder is hidden, a virtual environment, or holds what was generated or installed."""
    return folder.name.startswith(".") or folder.name in _SKIPPED or _is_file(folder / "pyvenv.cfg")


def _is_file(path: Path) -> bool:
    return os.path.isfile(path)  # noqa: PTH113 - that of pathlib raises for a folder that may not be entered


def flow_classes(path: Path) -> list[str]:
    """The names of the classes in a file that derive from FlowSpec and can be run; empty for a file that is broken.

    A class without a first and a last step, in a file that does not run it, is a base of others.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            text = read_regular(path, _MOST_BYTES)
            tree = ast.parse(text)
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    is_run = b"__main__" in text
    return [node.name for node in tree.body if isinstance(node, ast.ClassDef) and _is_flow(node, is_run)]


def may_have_a_flow(path: Path) -> bool:
    """Whether a file looks like one with a flow; quick, and sometimes wrong."""
    try:
        with open_regular(path) as stream:
            text = stream.read(_MAX_BYTES)
    except OSError:
        return False
    return all(word in text for word in _WORDS)


def _is_flow(node: ast.ClassDef, is_run: bool) -> bool:
    methods = [item for item in node.body if isinstance(item, ast.FunctionDef)]
    steps = {each.name for each in methods if "step" in map(_name, each.decorator_list)}
    is_whole = bool(steps) and (is_run or {"start", "end"} <= steps)
    return is_whole and "FlowSpec" in map(_name, node.bases)


def _name(node: ast.expr) -> str:
    """The last part of a dotted name, called or not; empty for anything else."""
    node = node.func if isinstance(node, ast.Call) else node
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
