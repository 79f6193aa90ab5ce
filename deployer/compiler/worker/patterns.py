"""Patterns for files below a folder, as `package.include` and `package.exclude` have them.

`*` and `?` stand for characters within a name, and `**` for any number of folders. Any other character stands for
itself. A pattern that leads to a folder stands for all that is below it. What begins with a dot is meant only where the
pattern has the dot.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

_VISIBLE = r"(?!\.)"
_ANY_NAME = rf"{_VISIBLE}[^/]+"
_BYTECODE = "__pycache__"


def matches(pattern: str, path: str) -> bool:
    """Whether a pattern stands for a file, given by its path with slashes below the folder."""
    return _compiled(pattern).fullmatch(path) is not None


def files_matching(folder: str, patterns: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Path below the folder and file of all that any of the patterns stands for, without bytecode."""
    wanted = tuple(patterns)
    for file in _files_below(folder) if wanted else ():
        path = os.path.relpath(file, folder).replace(os.sep, "/")
        if any(matches(pattern, path) for pattern in wanted):
            yield path, file


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = [part for part in pattern.split("/") if part not in ("", ".")]
    regex = "".join(rf"(?:{_ANY_NAME}/)*" if part == "**" else f"{_name(part)}/" for part in parts)
    if parts[-1:] == ["**"]:
        return re.compile(f"{regex}{_ANY_NAME}")
    return re.compile(rf"{regex.removesuffix('/')}(?:/{_ANY_NAME})*")


def _name(part: str) -> str:
    wildcards = {"*": "[^/]*", "?": "[^/]"}
    visible = _VISIBLE if part[0] in wildcards else ""
    return visible + "".join(wildcards.get(letter) or re.escape(letter) for letter in re.sub(r"\*+", "*", part))


def _files_below(folder: str) -> Iterator[str]:
    seen: set[str] = set()
    for path, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(path)
        folders[:] = sorted(name for name in folders if name != _BYTECODE) if real not in seen else []
        if real in seen:
            continue
        seen.add(real)
        yield from (str(Path(path, name)) for name in sorted(files))
