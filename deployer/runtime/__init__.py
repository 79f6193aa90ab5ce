"""What of ours travels in each code package and runs its tasks: the files of `mfdeploy_task`, and their digest."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

NAME = "mfdeploy_task"
CHOICE = "package.json"
"""Beside them, where `package:` in the manifest left files out: that setting (see `mfdeploy_task.missing`)."""


def runtime_files() -> tuple[Path, ...]:
    """The files, in the order of their names."""
    return tuple(sorted((Path(__file__).parent / NAME).glob("*.py")))


@cache
def runtime_digest() -> str:
    """The first 16 hex digits of a SHA-256 of the names and contents of the files."""
    digest = hashlib.sha256()
    for file in runtime_files():
        digest.update(f"{file.name}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:16]
