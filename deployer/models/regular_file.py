"""Reads files that others may have made: a named pipe keeps its reader waiting, a device never ends."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO, Final

NOT_REGULAR: Final = "it is not a regular file"


def open_regular(file: str | Path, flags: int = os.O_RDONLY) -> BinaryIO:
    """A regular file. Raises OSError for anything else, and never waits.

    What was opened is looked at: a path may lead to something else a moment after it was looked at. `flags` are those
    of `os.open`; with O_WRONLY in them the file is open for appending.
    """
    opened = os.open(file, flags | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    try:
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            raise OSError(errno.EINVAL, NOT_REGULAR, str(file))
        return os.fdopen(opened, "ab" if flags & os.O_WRONLY else "rb")
    except BaseException:
        os.close(opened)
        raise


def read_regular(file: str | Path, most: int) -> bytes:
    """The content of a regular file that has `most` bytes at most. Raises OSError."""
    with open_regular(file) as stream:
        return read_at_most(stream, most, file)


def read_at_most(stream: BinaryIO, most: int, file: str | Path) -> bytes:
    """The content of a file (`file` in errors) that has `most` bytes at most. Raises OSError."""
    data = stream.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EINVAL, f"it has more than {most:,} bytes", str(file))
    return data
