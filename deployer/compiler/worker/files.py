"""Finds the files that a flow names by a relative path: those of its IncludeFiles and Configs.

Metaflow opens them from the folder where the command runs. Two people would then get two plans, so folders that are the
same for everybody come first: the flow's, the manifest's, and those above the two within the project. Only what is in
none of them is looked for from the folder where the command runs. But for the flow's own folder, whose paths may lead
anywhere, nothing out of the project is taken.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..protocol import Job, Problem
from .code import sha256
from .metaflow_compat import file_of_config, file_of_include, look_for_files, parameters_of
from .problems import FlowError
from .source import Location, Source


@dataclass(frozen=True)
class Files:
    """Where a job's files may be: its flow's folder, its manifest's, the project's and the one the command runs in.

    Absolute paths without links.
    """

    flow: Path
    manifest: Path
    project: Path
    current: Path

    def find(self, written: str) -> str | None:
        """The path to open for a path as the flow has it; None if there is no such file.

        A path that is found in the flow's folder is returned as it is: that is the working directory.
        """
        if _is_file(written):
            return written
        return next((str(file) for file in self._elsewhere(written)), None)

    def differing(self, written: str) -> str | None:
        """A file that the path leads to from another folder, with another content than the one that `find` chooses."""
        chosen = self.find(written)
        if chosen is None:
            return None
        content = sha256(chosen)
        others = self._within_project(written, self._fixed()[1:])
        return next((str(file) for file in others if sha256(str(file)) != content), None)

    def is_only_current(self, written: str) -> bool:
        """Whether the path leads to a file only from the folder where the command runs."""
        if _is_file(written):
            return False
        return next(self._within_project(written, self._fixed()), None) is None and self.find(written) is not None

    def shown(self, file: str) -> str:
        """A file as it is compared: relative to the flow's folder, which is the same in every checkout."""
        return os.path.relpath(file, self.flow)

    def places(self) -> str:
        """The folders in words, for messages."""
        inside = [folder for folder in self._fixed() if folder.is_relative_to(self.project) and folder != self.project]
        names = [f"{folder.relative_to(self.project).as_posix()}/" for folder in inside]
        return f"{', '.join([*names, 'the project'])} and the folder where the command runs"

    def outside(self, written: str) -> str:
        """The file that the path leads to from where the command runs, if it is out of the project; else empty."""
        file = Path(os.path.normpath(self.current / written))
        return str(file) if _is_file(file) and not file.resolve().is_relative_to(self.project) else ""

    def _elsewhere(self, written: str) -> Iterator[Path]:
        yield from self._within_project(written, [*self._fixed()[1:], self.current])

    def _within_project(self, written: str, folders: list[Path]) -> Iterator[Path]:
        if Path(written).is_absolute() or "://" in written:
            return
        for folder in folders:
            file = Path(os.path.normpath(folder / written))
            if _is_file(file) and file.resolve().is_relative_to(self.project):
                yield file

    def _fixed(self) -> list[Path]:
        """The folders that do not depend on where the command runs.

        A path may also begin with the folders that lead to the project, as it does in one part of a large repository.
        """
        above = [*self._above(self.manifest), *self._above(self.flow), self.project, *self.project.parents]
        return list(dict.fromkeys([self.flow, self.manifest, *above]))

    def _above(self, folder: Path) -> list[Path]:
        return [parent for parent in folder.parents if parent != self.project and parent.is_relative_to(self.project)]


def _is_file(path: str | Path) -> bool:
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False  # no file can have this name


def files_of(job: Job) -> Files:
    """Those of a job."""
    return Files(job.path.parent.resolve(), Path(job.base), Path(job.project), Path(job.current))


def use_files(job: Job) -> None:
    """Lets Metaflow open files where `Files.find` finds them, for the rest of this process."""
    files = files_of(job)

    def find(written: str) -> str:
        found = files.find(written)
        if found is None and _never_ends(written):
            raise FlowError(Problem("no-file", f"{written!r} is not a regular file", job.file, 1))
        return found or written

    look_for_files(find)


def _never_ends(path: str) -> bool:
    """Whether a path is of something that may be waited for, or read, without end."""
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError):
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def check_config_files(job: Job, flow: Any, source: Source) -> None:
    """Raises FlowError for Configs whose file, named in the code, is nowhere."""
    problems = []
    for attribute, parameter in parameters_of(flow):
        written, key, given = _written(job, parameter)
        if key == "config_files" and written is not None and not given and files_of(job).find(written) is None:
            location = source.parameter(attribute, parameter.name)
            problems.append(no_file(job, f"config {parameter.name}", written, key, parameter.name, location))
    if problems:
        raise FlowError(*problems)


def no_file(job: Job, what: str, written: str, key: str, name: str, location: Location) -> Problem:
    """The problem of a file that is nowhere, with the places where it was looked for and the key that names one."""
    files = files_of(job)
    outside = files.outside(written)
    found = f"; {outside} is out of the project" if outside else ""
    hint = f"looked for in {files.places()}{found}; the manifest can name it: {key}: {{{name}: PATH}}"
    return Problem("no-file", f"{what}: no file {written!r}", *location, hint=hint)


def file_warnings(job: Job, flow: Any, source: Source) -> Iterator[Problem]:
    """Warnings of paths that lead to another file, or to none, for somebody who runs the flow by hand or elsewhere."""
    files = files_of(job)
    for attribute, parameter in parameters_of(flow):
        written, key, given = _written(job, parameter)
        if written is None or given or files.find(written) is None:
            continue
        location = source.parameter(attribute, parameter.name)
        hint = f"name the file in the manifest: {key}: {{{parameter.name}: PATH}}"
        other = files.differing(written)
        if files.is_only_current(written):
            message = f"{parameter.name}: the file {written!r} is found only from the folder where this command runs"
            yield Problem("current-folder", message, *location, hint=hint, severity="warning")
        elif other is not None:
            taken, left = files.shown(str(files.find(written))), files.shown(other)
            message = f"{parameter.name}: {written!r} is {taken} here, and {left} has another content"
            yield Problem("ambiguous-file", message, *location, hint=hint, severity="warning")


def _written(job: Job, parameter: Any) -> tuple[str | None, str, bool]:
    """The path of a file in the code, the manifest's key for it, and whether the manifest gives another."""
    if parameter.IS_CONFIG_PARAMETER:
        given = parameter.name in job.config_values or parameter.name in job.config_files
        written, key = file_of_config(parameter), "config_files"
    else:
        given, key = parameter.name in job.include_files, "include_files"
        written = file_of_include(parameter)
    return (written if isinstance(written, str) and "://" not in written else None), key, given
