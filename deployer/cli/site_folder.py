"""Writes the files of a site to a folder, and removes those that an earlier site wrote there and this one has not.

A list in the folder says which files are a site's. Nothing else is touched: a folder with files of others and without
that list is refused.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from deployer.cli.output import cannot, replace_file
from deployer.errors import DeployError, Diagnostic
from deployer.models.regular_file import read_regular

LIST: Final = ".mfdeploy-site.json"
_FORMAT: Final = 1
_MOST_BYTES: Final = 50_000_000
# The first letter of a part is no dot: neither the folder above nor a hidden file.
_NAME: Final = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]*/){0,3}[A-Za-z0-9_-][A-Za-z0-9._-]*")


def write_site(folder: Path, files: Mapping[str, str]) -> None:
    """Write files (text by name, with slashes) to a folder. Raises DeployError.

    Each is replaced at once, and those that have changed only. An interrupted write leaves whole files, and a list of
    all that may be there.
    """
    for name in files:
        assert _NAME.fullmatch(name), name
    try:
        known = _known(folder)
        folder.mkdir(parents=True, exist_ok=True)
        _refuse_foreign(folder, files, known)
        _write_list(folder, {*known, *files})
        # What links to the others comes last.
        for name in sorted(files, key=lambda name: (name == "index.html", name)):
            _write(folder, name, files[name].encode("utf-8", errors="backslashreplace"))
        for name in sorted(known - {*files}):
            _remove(folder, name)
        _write_list(folder, files)
    except OSError as error:
        raise DeployError(cannot("write", error.filename or folder, error)) from error


def _known(folder: Path) -> set[str]:
    """The files that an earlier site wrote; empty for a folder that is new or empty. Raises DeployError and OSError."""
    if not folder.exists():
        return set()
    if not folder.is_dir():
        raise _refused(folder, "is not a folder", "name a folder with --out DIR")
    path = folder / LIST
    if not path.exists():
        if any(folder.iterdir()):
            raise _refused(folder, "has files that no `mfdeploy site` wrote", "name a folder that is new or empty")
        return set()
    try:
        data = json.loads(read_regular(path, _MOST_BYTES))
        if data["format"] == _FORMAT and all(_NAME.fullmatch(name) for name in data["files"]):
            return set(data["files"])
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    raise _refused(folder, f"has a damaged list of its files, {LIST}", "remove the folder if it is a site's")


def _refuse_foreign(folder: Path, files: Iterable[str], known: set[str]) -> None:
    for name in sorted({*files, *known}):
        path = folder / name
        if _leads_away(folder, name):
            raise _refused(folder, f"has a link in the place of a folder, above {name}", "remove the link")
        if name not in known and os.path.lexists(path):
            raise _refused(
                folder, f"has a file {name} that no `mfdeploy site` wrote", "move that file, or name another"
            )


def _leads_away(folder: Path, name: str) -> bool:
    parents = [*Path(name).parents][:-1]
    return any((folder / parent).is_symlink() for parent in parents)


def _refused(folder: Path, why: str, hint: str) -> DeployError:
    return DeployError(Diagnostic("not-a-site", f"{folder} {why}", hint=hint))


def _write_list(folder: Path, files: Iterable[str]) -> None:
    document = json.dumps({"format": _FORMAT, "files": sorted(files)}, indent=0)
    _write(folder, LIST, f"{document}\n".encode())


def _write(folder: Path, name: str, content: bytes) -> None:
    path = folder / name
    with contextlib.suppress(OSError):
        if not path.is_symlink() and read_regular(path, len(content)) == content:
            return
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, content)  # by a hidden file, which the list allows nobody: it is no file of the site


def _remove(folder: Path, name: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        (folder / name).unlink()
    with contextlib.suppress(OSError):  # not empty, or the folder itself
        for parent in [*Path(name).parents][:-1]:
            (folder / parent).rmdir()
