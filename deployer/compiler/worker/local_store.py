"""Puts code packages into a local datastore, whole or not at all, with one piece of them in memory at a time."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from .metaflow_compat import CONTENT_METADATA
from .regular_file import PIECE, open_regular


def store_locally(target: Path, package: BinaryIO, sha: str) -> None:
    """Writes a package and its metadata as Metaflow's storage does, unless it is there already. Raises OSError.

    Metaflow's own code has all of it in memory, and old versions write in place, so that a file that is there may be a
    part of one.
    """
    if _has_sha(target, sha):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with _replacing(target.with_name(f"{target.name}_meta")) as metadata:
        metadata.write(json.dumps(CONTENT_METADATA).encode())
    package.seek(0)
    with _replacing(target) as stored:
        shutil.copyfileobj(package, stored, PIECE)


def _has_sha(target: Path, sha: str) -> bool:
    digest = hashlib.sha1(usedforsecurity=False)
    try:
        with open_regular(target) as stored:
            while piece := stored.read(PIECE):
                digest.update(piece)
    except OSError:
        return False
    return digest.hexdigest() == sha


@contextmanager
def _replacing(target: Path) -> Iterator[BinaryIO]:
    """A file that becomes `target` at the end of the block."""
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as written:
            yield written
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
