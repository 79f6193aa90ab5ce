"""Notes of everything that is read while a flow is described; `inputs` says what they are for."""

from __future__ import annotations

import os
import pathlib
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from ..protocol import InputsData, Job
from . import code, inputs
from .changeable import (
    HARMLESS_EVENTS,
    OPAQUE_MODULES,
    STANDARD,
    is_by_flow_itself,
    is_extension,
    is_of_flow,
    unwatched_calls,
    watch_calls,
)
from .metaflow_compat import CodePackage
from .passed_on import passes_on_changeable
from .reached import loaded_since

# Read by Python and libraries for their own purposes, and not by flows: see `_Variables`.
_IGNORED_VARIABLES = {
    *("HOME", "PATH", "PWD", "SHELL", "TERM", "TMPDIR", "TEMP", "TMP", "COLUMNS", "LINES"),
    *("USER", "USERNAME", "SUDO_USER", "APP"),
}
# Audit events of what cannot be noted, whoever does it: `changeable` says which events of a flow's own are harmless.
_UNNOTABLE_EVENTS = (
    "socket.",
    "subprocess.",
    "os.system",
    "os.exec",
    "os.spawn",
    "os.posix_spawn",
    "os.fork",
    "urllib.",
)
# What tells more of a file than its content: when it was written, whose it is, where a link leads.
_STATES = ("stat", "lstat", "readlink")
_LISTINGS = ("os.listdir", "os.scandir")
_PACKAGE_FOLDERS = ("site-packages", "dist-packages")


class Notes:
    """What has been read so far. `unknown` is why the notes are incomplete; empty while they are complete."""

    def __init__(self, job: Job) -> None:
        self.unknown = ""
        self.paused = False
        self._folder = str(job.path.parent)
        self._files: set[str] = set()
        self._folders: set[str] = set()
        self._missing: set[str] = set()
        self._unset: set[str] = set()
        self._imports: set[str] = set()
        self._packages: set[str] = set()
        self._path = list(sys.path)
        self._installed = tuple(f"{entry}/" for entry in sys.path if Path(entry).name in _PACKAGE_FOLDERS)
        self._package: CodePackage | None = None

    def of_package(self, package: CodePackage) -> None:
        """Note which files Metaflow takes for the code package."""
        self._package = package

    def give_up(self, reason: str) -> None:
        """Mark the notes as incomplete: something was read that cannot be noted."""
        self.unknown = self.unknown or reason

    def path(self, name: Any) -> None:
        """Note a path that was opened, or looked up."""
        if isinstance(name, int):
            return
        path = os.path.abspath(os.fsdecode(name))  # noqa: PTH100 (resolve would look at the path again)
        if path == os.devnull or path.endswith(".pyc") or path.startswith((*STANDARD, *self._installed)):
            return
        try:
            mode = _stat(path).st_mode
        except OSError:
            self._missing.add(self._written(path))
            return
        if stat.S_ISREG(mode):
            self._files.add(path)
        elif stat.S_ISDIR(mode):
            self._folders.add(self._written(path))
        else:
            self.give_up(f"opens {path}")

    def module(self, name: str) -> None:
        """Note a module that was imported, whether it exists or not."""
        self._imports.add(name.partition(".")[0])

    def unset(self, variable: str) -> None:
        """Note a variable that was read and is not set."""
        self._unset.add(variable)

    def written(self, job: Job) -> InputsData | None:
        """The notes as JSON values, with the digest of what they name; None if they are incomplete."""
        self._note_modules()
        if self._package is None or self.unknown:
            return None
        package = self._package
        packaged = inputs.packaged(self._folder, package.suffixes, package.excluded)
        if packaged != code.user_files(package):
            return None
        gone = [name for name in self._imports if name not in sys.modules]
        found: InputsData = {
            "suffixes": list(package.suffixes),
            "exclude": list(package.excluded),
            "files": sorted(self._written(file) for file in self._files - set(packaged.values())),
            "folders": sorted(self._folders),
            "missing": sorted(self._missing),
            "unset": sorted(self._unset),
            "packages": sorted(self._packages),
            "absent": sorted(name for name in gone if not inputs.package_paths(name)),
            "digest": "",
        }
        found["digest"] = inputs.digest(job, found)
        return found if found["digest"] else None

    def _note_modules(self) -> None:
        """Modules by where they come from: installed packages by name, files beside the flow as files."""
        if [entry for entry in sys.path if entry != self._folder] != self._path:
            self.give_up("changes sys.path")
        self._check_passed_on("__main__")
        for name in loaded_since():
            if name in OPAQUE_MODULES:
                self.give_up(f"imports {name}")
            file = getattr(getattr(sys.modules[name], "__spec__", None), "origin", None)
            if not isinstance(file, str) or not Path(file).is_absolute():
                continue
            if file.startswith(f"{self._folder}/"):
                self._files.add(file)
                self._check_passed_on(name)
            elif file.startswith(self._installed):
                if is_extension(file):
                    self.give_up(f"imports {file}")
                self._packages.add(name.partition(".")[0])
            elif not file.startswith(STANDARD):
                self.give_up(f"imports {file}")

    def _check_passed_on(self, module: str) -> None:
        if not self.unknown and (name := passes_on_changeable(sys.modules[module])):
            self.give_up(f"passes {name} on")

    def _written(self, path: str) -> str:
        return os.path.relpath(path, self._folder)


class _Variables(os._Environ):  # type: ignore[type-arg]
    """The process's environment, which notes what is read of it."""

    notes: Notes

    def __getitem__(self, key: Any) -> Any:
        try:
            value = super().__getitem__(key)
        except KeyError:
            self._read(key, "")
            raise
        self._read(key, value)
        return value

    def __contains__(self, key: Any) -> bool:
        found = super().__contains__(key)
        self._read(key, "set" if found else "")
        return found

    def __iter__(self) -> Iterator[Any]:
        if not self.notes.paused:
            self.notes.give_up("reads all variables")
        return super().__iter__()

    def __len__(self) -> int:
        if not self.notes.paused:
            self.notes.give_up("counts all variables")
        return super().__len__()

    def _read(self, key: Any, value: Any) -> None:
        if self.notes.paused or not isinstance(key, (str, bytes)):
            return
        key = os.fsdecode(key)
        if key in _IGNORED_VARIABLES and not is_of_flow(sys._getframe(2)):
            return
        if key.startswith("METAFLOW_") or key.endswith("_COMPLETE"):
            # Part of the digest; and what a shell sets to ask a command line for completions.
            return
        if value:
            self.notes.give_up(f"reads the variable {key}")
        else:
            self.notes.unset(key)


_stat = os.stat


def take_notes(job: Job) -> Notes:
    """Begin to take notes, for the rest of this process."""
    notes = Notes(job)
    sys.addaudithook(lambda event, arguments: None if notes.paused else _on_event(notes, event, arguments))
    _Variables.notes = notes
    os.environ.__class__ = os.environb.__class__ = _Variables
    for name in ("stat", "lstat", "access", "readlink"):
        setattr(os, name, _noting(notes, getattr(os, name)))
    if sys.version_info < (3, 11):  # there it keeps the functions of before, and does not look into `os`
        for name in ("stat", "readlink"):
            setattr(pathlib.Path, name, _noting(notes, getattr(pathlib.Path, name)))
    watch_calls(lambda reason: None if notes.paused else notes.give_up(reason))
    return notes


@contextmanager
def no_notes(notes: Notes | None) -> Iterator[None]:
    """Pause the notes: while mfdeploy itself reads something, or what is read is noted elsewhere."""
    if notes is None:
        yield
        return
    # In this order: to watch no calls is an event itself.
    with _paused(notes), unwatched_calls():
        yield


@contextmanager
def _paused(notes: Notes) -> Iterator[None]:
    before, notes.paused = notes.paused, True
    try:
        yield
    finally:
        notes.paused = before


def _noting(notes: Notes, ask: Any) -> Any:
    def noted(path: Any, *args: Any, **kwargs: Any) -> Any:
        if not notes.paused:
            with _paused(notes):
                notes.path(path)
                if ask.__name__ in _STATES and _asks_itself(sys._getframe(1)):
                    notes.give_up(f"asks for the {ask.__name__} of {path}")
        return ask(path, *args, **kwargs)

    return noted


def _asks_itself(frame: FrameType | None) -> bool:
    """Whether a flow asks itself, or by a method of `Path`. Most functions of the standard library, such as those that
    look whether a file exists, look at nothing of the answer that a copy of the file would not tell.
    """
    if frame is not None and frame.f_code.co_filename.startswith(STANDARD) and frame.f_code.co_name in _STATES:
        frame = frame.f_back
    return is_by_flow_itself(frame)


def _on_event(notes: Notes, event: str, arguments: tuple[Any, ...]) -> None:
    """An audit event, of Python itself or of a library."""
    with _paused(notes):
        if event == "open":
            _opened(notes, *arguments)
        elif event == "import":
            notes.module(arguments[0])
        elif event in _LISTINGS and not _by_import_system():
            notes.give_up(f"lists {arguments[0]}")
        elif event.startswith(_UNNOTABLE_EVENTS) or (event not in HARMLESS_EVENTS and _is_by_flow()):
            notes.give_up(f"does {event}")


def _is_by_flow() -> bool:
    return is_of_flow(_beyond_this_file(sys._getframe(1)))


def _opened(notes: Notes, path: Any, mode: Any, flags: int) -> None:
    if flags & (os.O_WRONLY | os.O_RDWR) and not (isinstance(path, str) and path == os.devnull):
        notes.give_up(f"writes {path}")
    else:
        notes.path(path)


def _by_import_system() -> bool:
    frame = _beyond_this_file(sys._getframe(1))
    return frame is not None and frame.f_code.co_filename.startswith("<frozen importlib")


def _beyond_this_file(frame: FrameType | None) -> FrameType | None:
    while frame is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    return frame
