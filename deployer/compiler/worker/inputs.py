"""The inputs of a description, so that a flow is not described again while none of them has changed.

The child that describes a flow notes what is read on the way: files, modules, variables. From these notes a digest of
all of it can be computed at any later time, in milliseconds and without running the flow. Where something is done that
cannot be noted, or that is not known to be harmless (`changeable`: the network, a database, the clock, a compiled
library, the value of a variable, which may be a secret), there are no notes, and the flow is described each time.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path
from typing import cast

from ...kubernetes import rules
from ...runtime import runtime_digest
from ..protocol import InputsData, Job, Json
from . import code
from .chosen import files_of_patterns
from .metaflow_compat import user_files_below
from .regular_file import digest_of

_MAX_BYTES = 1 << 32  # bytes of a file
# Of a job, what is the same on every machine; its files are compared by content, its id by who keeps the notes.
_NOT_COMPARED = (
    *("id", "mode", "known", "note_inputs"),
    *("file", "base", "project", "current", "config_files", "include_files"),
)


def digest(job: Job, notes: InputsData) -> str:
    """SHA-256 (hex) over the job, Metaflow and all that the notes name, as it is now; empty if any cannot be read."""
    folder = str(job.path.parent)
    try:
        taken = {
            # As text: the order of keys is a part of the values of parameters and Configs.
            "job": json.dumps({name: value for name, value in vars(job).items() if name not in _NOT_COMPARED}),
            "configs": sorted(job.config_files),
            "included": {name: os.path.relpath(file, folder) for name, file in job.include_files.items()},
            "python": sys.version_info[:2],
            "metaflow": code.metaflow_digest(),
            "worker": _own_digest(),
            "settings": {name: value for name, value in os.environ.items() if name.startswith("METAFLOW_")},
            "code": {
                path: _file_digest(file) for path, file in packaged(folder, notes["suffixes"], notes["exclude"]).items()
            },
            "chosen": {path: _file_digest(file) for path, file in files_of_patterns(job, notes["exclude"]).items()},
            "files": {name: _file_digest(str(Path(folder, name))) for name in notes["files"]},
            "folders": [name for name in notes["folders"] if Path(folder, name).is_dir()],
            "missing": [name for name in notes["missing"] if not Path(folder, name).exists()],
            "unset": [name for name in notes["unset"] if name not in os.environ],
            "packages": {name: _package_digest(name) for name in notes["packages"]},
            "absent": [name for name in notes["absent"] if not package_paths(name)],
        }
    except OSError:
        return ""
    return hashlib.sha256(json.dumps(taken, sort_keys=True).encode()).hexdigest()


def unchanged(job: Job) -> bool:
    """Whether all that the job's notes name is still what it was when they were made."""
    notes = _read(job.known) if job.known is not None else None
    try:
        return notes is not None and digest(job, notes) == notes["digest"]
    except ValueError:
        return False  # a name that no file can have


def _read(known: Mapping[str, Json]) -> InputsData | None:
    """Notes as they were written; None for anything else, since other people can write where they are kept."""
    lists = {name: known.get(name) for name in InputsData.__annotations__ if name != "digest"}
    for names in lists.values():
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            return None
    return cast(InputsData, {**lists, "digest": known.get("digest")})


def packaged(folder: str, suffixes: Iterable[str], exclude: Iterable[str]) -> dict[str, str]:
    """Path in the package -> file, of the user's files that Metaflow finds in the flow's folder."""
    return _files_in_package(folder, tuple(suffixes), tuple(exclude))


@cache
def _files_in_package(folder: str, suffixes: tuple[str, ...], exclude: tuple[str, ...]) -> dict[str, str]:
    found = user_files_below(folder, suffixes, exclude)
    return {path: file for file, path in found if not code.is_dag_file(file)}


@cache
def _file_digest(file: str) -> str:
    # Other people can write where the notes are kept: they may name a pipe, a device, or the memory of this machine.
    if os.stat(file).st_size > _MAX_BYTES:  # noqa: PTH116 - a path of the user's, as it is
        raise OSError(errno.EFBIG, "too large", file)
    return digest_of(file)


@cache
def _package_digest(name: str) -> str:
    """Digest of all files of an installed package, except bytecode."""
    total = hashlib.sha256()
    for path in package_paths(name):
        for file in _files_below(Path(path)):
            total.update(f"{file.relative_to(Path(path).parent)}\0{_file_digest(str(file))}\n".encode())
    return total.hexdigest()


def package_paths(name: str) -> list[str]:
    """The folders of a package, or the file of a module; empty when it is not installed. Imports nothing."""
    spec = PathFinder.find_spec(name)
    if spec is None:
        return []
    return sorted(spec.submodule_search_locations or [str(spec.origin)])


def _files_below(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return sorted(file for file in path.rglob("*") if file.is_file() and file.suffix != ".pyc")


def own_files() -> list[Path]:
    """The modules of ours that a description depends on, but for the runtime's."""
    worker, shared = Path(__file__).parent, Path(rules.__file__).parent
    return sorted({*worker.rglob("*.py"), *worker.parent.glob("*.py"), *shared.glob("*.py")})


@cache
def _own_digest() -> str:
    own = b"".join(file.read_bytes() for file in own_files())
    return hashlib.sha256(own + runtime_digest().encode()).hexdigest()


def prepare() -> None:
    """Compute the digests that all flows share."""
    code.metaflow_digest()
    _own_digest()
