"""Opens files of a flow's folder, which may be anything: a named pipe keeps its reader waiting, a device never ends."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from pathlib import Path
from typing import BinaryIO

PIECE = 1 << 20  # bytes that are in memory at a time
_KINDS = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISDIR, "a folder"),
)


def open_regular(file: str | Path) -> BinaryIO:
    """A regular file, open for reading. Raises OSError, with what it is, for anything else, and never waits.

    What was opened is looked at, since a path may lead to something else a moment later; and before it is opened, since
    that alone does something to some devices.
    """
    _check(os.stat(file).st_mode, file)  # noqa: PTH116 - a path of the user's, as it is
    opened = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _check(os.fstat(opened).st_mode, file)
        return os.fdopen(opened, "rb")
    except BaseException:
        os.close(opened)
        raise


def _check(mode: int, file: str | Path) -> None:
    if not stat.S_ISREG(mode):
        kind = next((kind for is_kind, kind in _KINDS if is_kind(mode)), "something else")
        raise OSError(errno.EINVAL, f"it is {kind}, not a regular file", str(file))


def digest_of(file: str | Path) -> str:
    """SHA-256 (hex) of a regular file, read in pieces. Raises OSError."""
    digest = hashlib.sha256()
    with open_regular(file) as stream:
        while piece := stream.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()
