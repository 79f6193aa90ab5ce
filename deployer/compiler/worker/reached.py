"""The modules that a flow's file leads to: what it imports, directly and through the packaged modules.

Nothing is imported or run for it. A module counts as installed where Python finds it without the help of the flow or of
PYTHONPATH: the standard library, site-packages, and editable installs, whose distributions are for whoever makes the
workers or the image to install.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from importlib.machinery import BuiltinImporter, FrozenImporter, ModuleSpec, PathFinder
from typing import Any, NamedTuple

from ..protocol import Job
from .imports import Import, possible_imports_of

Scan = Callable[[str, str], Iterator[Import]]
"""What a file imports, as `imports_of` finds it."""

# Where modules were found before any flow was loaded, without the folders that only this process environment names.
_INSTALLED = frozenset(
    os.path.realpath(entry)
    for entry in sys.path
    if entry and entry not in os.environ.get("PYTHONPATH", "").split(os.pathsep)
)
# What else finds modules since Python started, such as editable installs of setuptools.
_FINDERS = tuple(finder for finder in sys.meta_path if finder not in (BuiltinImporter, FrozenImporter, PathFinder))
_METAFLOW = ("metaflow", "metaflow_extensions")
_OWN = __name__.partition(".")[0]
# What lies below one of these is installed, by whatever name it was loaded.
_PREFIXES = tuple(
    f"{folder}{os.sep}" for folder in (*_INSTALLED, *(map(os.path.realpath, (sys.prefix, sys.base_prefix))))
)
# What was loaded before any flow, in this order.
_loaded_before: dict[str, None] = {}


def prepare() -> None:
    """Note which modules are loaded before there are flows."""
    _loaded_before.update(dict.fromkeys(sys.modules))


def loaded_since() -> list[str]:
    """The modules that were loaded after `prepare`. The others are not looked at, which would copy their memory."""
    last = next(reversed(_loaded_before), None)
    later = itertools.takewhile(lambda name: name != last, reversed(sys.modules))
    return [name for name in reversed([*later]) if name not in _loaded_before and name != "__main__"]


class Module(NamedTuple):
    """A module that has a file. `root` is the folder that its name starts at."""

    name: str
    file: str
    root: str

    @classmethod
    def of(cls, name: str, file: str) -> Module:
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


class Reached(NamedTuple):
    """A module that an import in `file` leads to. `path` is its path in the package; empty if it is not packaged."""

    file: str
    found: Import
    module: Module
    path: str


class Search:
    """Looks for modules from a flow's file on. `packaged` maps paths below the folder of the code to files."""

    def __init__(self, job: Job, packaged: Mapping[str, str]) -> None:
        self.folder = str(job.path.parent)
        self._start = str(job.path)
        self.names: set[str] = set()
        """All names that scans found in import statements, also those that lead nowhere."""
        self._packaged = packaged
        self._specs: dict[str, ModuleSpec | None] = {}

    @cached_property
    def possible(self) -> Sequence[Reached]:
        """What the flow may need: all that it needs and perhaps more, found without parsing. The flow is loaded."""
        return list(self.reached(possible_imports_of, loaded=True))

    def reached(self, scan: Scan, loaded: bool = False) -> Iterator[Reached]:
        """Each module that an import of the flow's file, or of a module that it leads to, needs; perhaps several times.

        With `loaded` the packaged modules that are loaded now count too, however they were imported.
        """
        todo = deque([(self._start, "")])
        seen = {self._start}
        for each in self.loaded() if loaded else ():
            yield each
            seen.add(each.module.file)
            todo.append((each.module.file, each.module.package))
        while todo:
            file, package = todo.popleft()
            if not file.endswith(".py"):
                continue
            for found in scan(file, package):
                self.names.add(found.name)
                for module in self._modules(found.name):
                    path = self.path_of(module)
                    if path and module.file not in seen:
                        seen.add(module.file)
                        todo.append((module.file, module.package))
                    yield Reached(file, found, module, path)

    def loaded(self) -> Iterator[Reached]:
        """The packaged modules that the flow has loaded, as if its file imported each of them, at line 0."""
        for module, path in self._loaded_modules():
            if path and not self._is_installed(module):
                yield Reached(self._start, Import(module.name, 0), module, path)

    def loaded_outside(self) -> Iterator[Module]:
        """The modules that the flow has loaded by any import, and that are neither packaged nor installed."""
        for module, path in self._loaded_modules():
            is_ours = module.name.partition(".")[0] in (_OWN, *_METAFLOW)
            if not (
                path or is_ours or os.path.realpath(module.file).startswith(_PREFIXES) or self._is_installed(module)
            ):
                yield module

    def _loaded_modules(self) -> Iterator[tuple[Module, str]]:
        """The modules with files that the flow has loaded, and their paths in the package."""
        for name in loaded_since():
            spec = getattr(sys.modules[name], "__spec__", None)
            if isinstance(spec, ModuleSpec) and spec.origin and spec.has_location:
                module = Module.of(spec.name, spec.origin)
                yield module, self.path_of(module)

    def _modules(self, name: str) -> Iterator[Module]:
        """The modules with files that an import of ``a.b.c`` loads, ``a`` first, unless they are installed."""
        parts = name.split(".")
        if parts[0] in _METAFLOW:
            return
        for count in range(1, len(parts) + 1):
            spec = self._spec(".".join(parts[:count]))
            if spec is None:
                return
            if spec.origin and spec.has_location:
                module = Module.of(spec.name, spec.origin)
                if self._is_installed(module):
                    return
                yield module

    def _is_installed(self, module: Module) -> bool:
        if _is_same(self._packaged.get(module.path, ""), module.file):
            return False  # an editable install of the flow's own folder: tasks find it in the package
        return os.path.realpath(module.root) in _INSTALLED or _is_found_elsewhere(module.name.partition(".")[0])

    def _spec(self, name: str) -> ModuleSpec | None:
        """Where Python finds, or has found, a module; None for one that is not there."""
        if name not in self._specs:
            self._specs[name] = self._find(name)
        return self._specs[name]

    def _find(self, name: str) -> ModuleSpec | None:
        first, _, _ = name.partition(".")
        above = name.rpartition(".")[0]
        path = None
        if first in sys.stdlib_module_names:
            # What lies beside the flow by such a name may come first in a task, which has other modules loaded.
            path = [self.folder]
        else:
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

    def path_of(self, module: Module) -> str:
        """A module's path in the package if a task finds it: below the flow's folder, or under its own name.

        Of a module in an archive it is that of the archive.
        """
        archive = os.path.relpath(module.root, self.folder)
        if _is_same(self._packaged.get(archive, ""), module.root):
            return archive
        if _is_same(self._packaged.get(module.path, ""), module.file):
            return module.path
        # As it was found, since a link in the folder is followed; and where a flow resolves its own path.
        return self._path_below(module, self.folder) or self._path_below(
            Module.of(module.name, os.path.realpath(module.file)), os.path.realpath(self.folder)
        )

    def _path_below(self, module: Module, folder: str) -> str:
        if module.root != folder and not module.root.startswith(f"{folder}{os.sep}"):
            return ""
        path = os.path.relpath(module.file, folder)
        return path if path in self._packaged else ""


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
