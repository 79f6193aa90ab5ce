"""Warns of modules that a flow imports and that will not be there when its tasks run: neither packaged nor installed.

The imports are read from the source, so that those inside of steps are seen too (see `reached`).
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Collection, Iterator
from itertools import groupby
from pathlib import Path

from ..protocol import Job, Problem
from .imports import Import, imports_of, possible_imports_of
from .metaflow_compat import CodePackage, package_policy
from .reached import Module, Search
from .regular_file import open_regular

# What imports modules otherwise than by a statement.
_CALLS = re.compile(rb"\b(?:import_module|__import__|find_spec|module_from_spec)\b")


def outside_imports(job: Job, package: CodePackage, search: Search) -> Iterator[Problem]:
    """A warning for each top-level name that is imported from outside of the package, at its first import."""
    first: dict[tuple[str, str], tuple[str, Import, Module]] = {}
    # Most flows have none, and parsing all their modules would cost more than the rest of a plan.
    if not all(each.path for each in search.possible):
        for file, found, module in _outside(search):
            first.setdefault(_top_level(module), (file, found, module))
    for module in _loaded_otherwise(search, first):
        first[_top_level(module)] = job.file, Import(module.name, _line_of_import(job.file)), module
    for file, found, module in first.values():
        where = shown(module.file, job)
        message = f"{module.name} is imported from {where}, which is not in the code package: tasks will not find it"
        hint = _hint(module, package, job)
        yield Problem("not-packaged", message, file, found.line, hint, severity="warning")


def _outside(search: Search) -> Iterator[tuple[str, Import, Module]]:
    """The file and statement of each import of a module that is not packaged, and the innermost of these modules."""
    for (file, found), each in groupby(search.reached(imports_of), key=lambda reached: (reached.file, reached.found)):
        outside = [reached.module for reached in each if not reached.path]
        if outside:
            yield file, found, outside[-1]


def _top_level(module: Module) -> tuple[str, str]:
    return module.root, module.name.partition(".")[0]


def _loaded_otherwise(search: Search, known: Collection[tuple[str, str]]) -> list[Module]:
    """Modules from outside that the flow has loaded and no statement names: by a name that is put together, a finder.

    One of each top-level name, the deepest; none of what a module from outside imports itself.
    """
    loaded = list(search.loaded_outside())
    if not loaded:
        return []
    named = {
        (_top_level(each), found.name) for each in loaded for found in possible_imports_of(each.file, each.package)
    }
    found = {
        _top_level(module): module
        for module in loaded
        if _top_level(module) not in known
        and not any(name == module.name and top != _top_level(module) for top, name in named)
    }
    return list(found.values())


def _line_of_import(file: str) -> int:
    """The first line that imports something by a call; else the first."""
    with open_regular(file) as stream:
        lines = enumerate(stream, start=1)
        return next((number for number, line in lines if _CALLS.search(line)), 1)


def _hint(module: Module, package: CodePackage, job: Job) -> str:
    folder = str(job.path.parent)
    install = "install it as a distribution where the tasks run"
    if module.file.startswith(f"{folder}{os.sep}") and module.root.startswith(folder):
        file = Path(module.root) if Path(module.root).is_file() else Path(module.file)  # a module may be in an archive
        if not file.name.endswith(package.suffixes):
            return f"add {file.suffix} to package_suffixes, or {install}"
        return f"move it out of a folder that Metaflow leaves out, or {install}"
    ways = [_way_to_pack(module, folder, job), install]
    if policy := package_policy():
        ways.insert(0, f"write {policy} into {shown(_outermost(module), job)}")
        if module.name not in sys.modules:
            ways[0] += " and import it at the top of the flow's file"
    return ", or ".join((", ".join(ways[:-1]), ways[-1]))


def _way_to_pack(module: Module, folder: str, job: Job) -> str:
    """What makes a task find a module, which may lie below the flow's folder and be imported by a longer name."""
    if not module.file.startswith(f"{folder}{os.sep}"):
        return f"move it below {shown(folder, job)}"
    path = os.path.relpath(module.file, folder).removesuffix(".py").removesuffix(f"{os.sep}__init__")
    return f"import it as {path.replace(os.sep, '.')}, by its path from {shown(folder, job)} on"


def _outermost(module: Module) -> str:
    """The file of the outermost package that holds a module: Metaflow packages all that is below it."""
    parts = module.name.split(".")
    files = (Path(module.root, *parts[:count], "__init__.py") for count in range(1, len(parts)))
    return next((str(file) for file in files if file.is_file()), module.file)


def shown(file: str, job: Job) -> str:
    """A path as a user would type it where the command runs."""
    return os.path.relpath(file, job.current) if file.startswith(f"{job.current}{os.sep}") else file
