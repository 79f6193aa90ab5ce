"""Warns of modules that a flow imports and that will not be there when its tasks run: neither packaged nor installed.

The imports are read from the source, so that those inside of steps are seen too (see `reached`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from ..protocol import Job, Problem
from .imports import Import, imports_of
from .metaflow_compat import CodePackage, package_policy
from .reached import Module, Search


def outside_imports(job: Job, package: CodePackage, search: Search) -> Iterator[Problem]:
    """A warning for each top-level name that is imported from outside of the package, at its first import."""
    first: dict[tuple[str, str], tuple[str, Import, Module]] = {}
    # Most flows have none, and parsing all their modules would cost more than the rest of a plan.
    if not all(each.path for each in search.possible):
        for file, found, module in _outside(search):
            first.setdefault((module.root, module.name.partition(".")[0]), (file, found, module))
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


def _hint(module: Module, package: CodePackage, job: Job) -> str:
    folder = str(job.path.parent)
    install = "install it as a distribution where the tasks run"
    if module.file.startswith(f"{folder}{os.sep}") and module.root.startswith(folder):
        if not module.file.endswith(package.suffixes):
            return f"add {Path(module.file).suffix} to package_suffixes, or {install}"
        return f"move it out of a folder that Metaflow leaves out, or {install}"
    ways = [f"move it below {shown(folder, job)}", install]
    if policy := package_policy():
        ways.insert(0, f"write {policy} into {shown(_outermost(module), job)}")
        if module.name not in sys.modules:
            ways[0] += " and import it at the top of the flow's file"
    return ", or ".join((", ".join(ways[:-1]), ways[-1]))


def _outermost(module: Module) -> str:
    """The file of the outermost package that holds a module: Metaflow packages all that is below it."""
    parts = module.name.split(".")
    files = (Path(module.root, *parts[:count], "__init__.py") for count in range(1, len(parts)))
    return next((str(file) for file in files if file.is_file()), module.file)


def shown(file: str, job: Job) -> str:
    """A path as a user would type it where the command runs."""
    return os.path.relpath(file, job.current) if file.startswith(f"{job.current}{os.sep}") else file
