"""A flow's own code among the files of its package: what it imports, and what it opened while it was loaded.

All other files are merely packed with it, since Metaflow packs folders. A plan tells the two kinds apart, which decides
nothing: where it is not certain, a file counts as the flow's own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

from ..protocol import Job
from .changeable import is_of_flow
from .code import user_files
from .metaflow_compat import CodePackage
from .reached import Search


@dataclass
class Opened:
    """What was opened, and the folders that the flow listed: absolute paths."""

    files: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)

    def so_far(self) -> Opened:
        """What was noted until now."""
        return Opened({*self.files}, {*self.folders})

    def among(self, files: Iterable[str], listed: bool = True) -> set[str]:
        """Those of the files that were opened, or whose folder was `listed`. Links to folders are followed."""
        names = {os.path.basename(file) for file in files}  # noqa: PTH119 - of many files: several times as fast
        opened = {os.path.realpath(file) for file in self.files if os.path.basename(file) in names}  # noqa: PTH119
        folders = {os.path.realpath(folder) for folder in self.folders} if listed else set()
        real = cache(os.path.realpath)
        found = set()
        for file in files:
            folder, name = os.path.split(file)
            if real(folder) in folders or f"{real(folder)}{os.sep}{name}" in opened:
                found.add(file)
        return found


def watch_opened() -> Opened:
    """Begin to note what is opened, for the rest of this process, which describes one flow."""
    opened = Opened()

    def on_event(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            opened.files.update(_absolute(arguments[0]))
        elif event in ("os.listdir", "os.scandir") and is_of_flow(sys._getframe(1)):
            opened.folders.update(_absolute(arguments[0] or "."))

    sys.addaudithook(on_event)
    return opened


def _absolute(path: Any) -> Iterator[str]:
    if isinstance(path, (str, bytes)):
        yield os.path.abspath(os.fsdecode(path))  # noqa: PTH100


class OwnCode(NamedTuple):
    """The flow's own files by their paths in the package, all names that these import, and the folders it listed.

    A file that is not there, and that the flow would import or open if it were, has one of the names or is in one of
    the folders.
    """

    files: Sequence[str]
    imports: Sequence[str]
    folders: Sequence[str]


def own_code(job: Job, package: CodePackage, opened: Opened, search: Search) -> OwnCode:
    """What of a package is the flow's own. The flow is loaded."""
    reached = {each.path for each in search.possible}
    files = user_files(package)
    opened_files = opened.among([file for path, file in files.items() if path in package.optional])
    own = [
        path
        for path, file in files.items()
        if path not in package.optional
        or path.removeprefix(package.code_folder) in reached
        or file == job.file
        or file in opened_files
    ]
    below = sorted(folder for each in opened.folders if (folder := _below(search.folder, each)) is not None)
    return OwnCode(own, sorted(search.names), below)


def _below(root: str, folder: str) -> str | None:
    """The path of a folder in the package; None if it is not below the flow's folder."""
    path = os.path.relpath(os.path.realpath(folder), os.path.realpath(root))
    return None if path.startswith("..") else "" if path == "." else path
