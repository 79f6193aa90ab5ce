"""Finds the manifest files of a folder and reads them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from deployer.errors import DeployError, Diagnostic, Location
from deployer.manifest.nodes import Map, Node, Report, Scalar, describe
from deployer.manifest.parse import MAX_BYTES, parse
from deployer.models.regular_file import open_regular

SUFFIXES: Final = (".yaml", ".yml")
SKIPPED_FOLDER: Final = "build"  # what mfdeploy and its users generate


def find_files(folder: Path, report: Report) -> list[Path]:
    """The manifest files below a folder, sorted by path. Hidden files and folders and `build` folders are left out.

    A linked file must lie inside the folder; linked folders are not entered. Raises DeployError without the folder.
    """
    if not folder.is_dir():
        there = "is not a folder" if folder.exists() else "does not exist"
        hint = "name it with --manifests DIR; `mfdeploy init` writes a first manifest"
        raise DeployError(Diagnostic("bad-path", f"the manifest folder {str(folder)!r} {there}", hint=hint))
    root = folder.resolve()
    found: dict[Path, Path] = {}
    for holder, folders, names in os.walk(folder, onerror=lambda error: _unreadable(error, report)):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != SKIPPED_FOLDER)
        for name in sorted(names):
            path = Path(holder, name)
            if name.startswith(".") or path.suffix not in SUFFIXES:
                continue
            real = path.resolve()
            if not real.is_relative_to(root):
                message = "the link leads out of the manifest folder"
                report.error("bad-path", message, Location(shown(path)), hint="copy the file, or remove the link")
            else:
                found.setdefault(real, path)
    return sorted(found.values())


def _unreadable(error: OSError, report: Report) -> None:
    location = Location(shown(Path(error.filename)))
    report.error("bad-path", f"the folder cannot be read: {error.strerror}", location)


def read_file(path: Path, report: Report) -> Map | None:
    """A manifest file as a map; None (and a report) when it cannot be used."""
    file = shown(path)
    try:
        with open_regular(path) as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        report.error("bad-path", f"the file cannot be read: {error.strerror}", Location(file))
        return None
    node, problems = parse(data, file)
    report.found += problems
    report.errors += len(problems)
    if node is None:
        return None if problems else Map({}, Location(file))
    return _as_map(node, report)


def _as_map(node: Node, report: Report) -> Map | None:
    if isinstance(node, Map):
        return node
    if not (isinstance(node, Scalar) and node.broken):
        message = f"expected a map (version, project, flows, ...), found {describe(node)}"
        report.error("wrong-type", message, node.location)
    return None


def shown(path: Path) -> str:
    """A path as a user would type it: relative to the working directory where it lies below it."""
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links
    try:
        return absolute.relative_to(Path.cwd()).as_posix()
    except ValueError:
        return str(absolute)
