"""Warns of modules that a flow imports and that will not be there when its tasks run: neither packaged nor installed.

The imports are read from the source, so that those inside of steps are seen too, and followed through the packaged
modules. Nothing is imported or run for it. A module counts as installed where Python finds it without the help of the
flow or of PYTHONPATH: the standard library, site-packages, and editable installs, whose distributions are for whoever
makes the workers or the image to install.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Iterator
from functools import cache
from importlib.machinery import BuiltinImporter, FrozenImporter, ModuleSpec, PathFinder
from pathlib import Path
from typing import Any, NamedTuple

from ..protocol import Job, Problem
from .code import user_files
from .imports import Import, imports_of, possible_imports_of
from .metaflow_compat import CodePackage, package_policy

# Where modules were found before any flow was loaded, without the folders that only this process environment names.
_INSTALLED = frozenset(
    os.path.realpath(entry)
    for entry in sys.path
    if entry and entry not in os.environ.get("PYTHONPATH", "").split(os.pathsep)
)
# What else finds modules since Python started, such as editable installs of setuptools.
_FINDERS = tuple(finder for finder in sys.meta_path if finder not in (BuiltinImporter, FrozenImporter, PathFinder))
_NEVER_OUTSIDE = frozenset((*sys.stdlib_module_names, "metaflow", "metaflow_extensions"))


class _Module(NamedTuple):
    """A module that has a file. `root` is the folder that its name starts at."""

    name: str
    file: str
    root: str

    @classmethod
    def of(cls, name: str, file: str) -> _Module:
        above = os.path.dirname(os.path.abspath(file))  # noqa: PTH100, PTH120 - of many modules: twice as fast
        levels = name.count(".") + (1 if _is_package(file) else 0)
        for _ in range(levels):
            above = os.path.dirname(above)  # noqa: PTH120
        return cls(name, os.path.abspath(file), above)  # noqa: PTH100

    @property
    def package(self) -> str:
        """What relative imports in it start at."""
        return self.name if _is_package(self.file) else self.name.rpartition(".")[0]

    @property
    def path(self) -> str:
        """Its path below the root, as a package has it if the module is packaged under its own name."""
        return os.path.relpath(self.file, self.root)


def _is_package(file: str) -> bool:
    return os.path.basename(file).startswith("__init__.")  # noqa: PTH119


def outside_imports(job: Job, package: CodePackage) -> Iterator[Problem]:
    """A warning for each top-level name that is imported from outside of the package, at its first import."""
    search = _Search(job, package)
    first: dict[tuple[str, str], tuple[str, Import, _Module]] = {}
    for file, found, module in search.outside():
        first.setdefault((module.root, module.name.partition(".")[0]), (file, found, module))
    for file, found, module in first.values():
        where = _shown(module.file, job)
        message = f"{module.name} is imported from {where}, which is not in the code package: tasks will not find it"
        hint = _hint(module, package, job)
        yield Problem("not-packaged", message, file, found.line, hint, severity="warning")


class _Search:
    """The modules that the flow's file leads to."""

    def __init__(self, job: Job, package: CodePackage) -> None:
        self.folder = str(job.path.parent)
        self._start = str(job.path)
        # By the path below the folder of the code.
        self._packaged = {path.removeprefix(package.code_folder): file for path, file in user_files(package).items()}
        self._specs: dict[str, ModuleSpec | None] = {}

    def outside(self) -> Iterator[tuple[str, Import, _Module]]:
        """The file and statement of each import of a module that is not packaged, and the module."""
        # Most flows have none, and parsing all their modules would cost more than the rest of a plan.
        if any(self._found_by(possible_imports_of)):
            yield from self._found_by(imports_of)

    def _found_by(self, scan: Callable[[str, str], Iterator[Import]]) -> Iterator[tuple[str, Import, _Module]]:
        todo = deque([(self._start, "")])
        seen = {self._start}
        while todo:
            file, package = todo.popleft()
            for found in scan(file, package):
                outside = None
                for module in self._modules(found.name):
                    if not self._is_packaged(module):
                        outside = module
                    elif module.file.endswith(".py") and module.file not in seen:
                        seen.add(module.file)
                        todo.append((module.file, module.package))
                if outside is not None:
                    yield file, found, outside

    def _modules(self, name: str) -> Iterator[_Module]:
        """The modules with files that an import of ``a.b.c`` loads, ``a`` first, unless they are installed."""
        parts = name.split(".")
        if parts[0] in _NEVER_OUTSIDE:
            return
        for count in range(1, len(parts) + 1):
            spec = self._spec(".".join(parts[:count]))
            if spec is None:
                return
            if spec.origin and spec.has_location:
                module = _Module.of(spec.name, spec.origin)
                if os.path.realpath(module.root) in _INSTALLED or _is_found_elsewhere(parts[0]):
                    return
                yield module

    def _spec(self, name: str) -> ModuleSpec | None:
        """Where Python finds, or has found, a module; None for one that is not there."""
        if name not in self._specs:
            self._specs[name] = self._find(name)
        return self._specs[name]

    def _find(self, name: str) -> ModuleSpec | None:
        above = name.rpartition(".")[0]
        path = None
        loaded = getattr(sys.modules.get(name), "__spec__", None)
        if isinstance(loaded, ModuleSpec):
            return loaded
        if above:
            holder = self._spec(above)
            if holder is None or holder.submodule_search_locations is None:
                return None
            path = list(holder.submodule_search_locations)
        try:
            return PathFinder.find_spec(name, path)
        except (ImportError, ValueError):
            return None

    def _is_packaged(self, module: _Module) -> bool:
        """Whether a task finds the module: below the flow's folder, or packaged under its own name."""
        if _is_same(self._packaged.get(module.path, ""), module.file):
            return True
        # As it was found, since a link in the folder is followed; and where a flow resolves its own path.
        return self._is_below(module, self.folder) or self._is_below(
            _Module.of(module.name, os.path.realpath(module.file)), os.path.realpath(self.folder)
        )

    def _is_below(self, module: _Module, folder: str) -> bool:
        is_below = module.root == folder or module.root.startswith(f"{folder}{os.sep}")
        return is_below and os.path.relpath(module.file, folder) in self._packaged


def _is_same(file: str, other: str) -> bool:
    return file == other or (file != "" and os.path.realpath(file) == os.path.realpath(other))


@cache
def _is_found_elsewhere(name: str) -> bool:
    """Whether something else than the search path finds a top-level module."""
    return any(_finds(finder, name) for finder in _FINDERS)


def _finds(finder: Any, name: str) -> bool:
    try:
        return finder.find_spec(name, None) is not None
    except Exception:
        return False  # not ours: it may do anything


def _hint(module: _Module, package: CodePackage, job: Job) -> str:
    folder = str(job.path.parent)
    install = "install it as a distribution where the tasks run"
    if module.file.startswith(f"{folder}{os.sep}") and module.root.startswith(folder):
        if not module.file.endswith(package.suffixes):
            return f"add {Path(module.file).suffix} to package_suffixes, or {install}"
        return f"move it out of a folder that Metaflow leaves out, or {install}"
    ways = [f"move it below {_shown(folder, job)}", install]
    if policy := package_policy():
        ways.insert(0, f"write {policy} into {_shown(_outermost(module), job)}")
        if module.name not in sys.modules:
            ways[0] += " and import it at the top of the flow's file"
    return ", or ".join((", ".join(ways[:-1]), ways[-1]))


def _outermost(module: _Module) -> str:
    """The file of the outermost package that holds a module: Metaflow packages all that is below it."""
    parts = module.name.split(".")
    files = (Path(module.root, *parts[:count], "__init__.py") for count in range(1, len(parts)))
    return next((str(file) for file in files if file.is_file()), module.file)


def _shown(file: str, job: Job) -> str:
    """A path as a user would type it where the command runs."""
    return os.path.relpath(file, job.current) if file.startswith(f"{job.current}{os.sep}") else file
