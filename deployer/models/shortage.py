"""What a process lacks on this machine, in one sentence, and what to do: no bug, and no mistake in a manifest."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple


class Shortage(NamedTuple):
    """The sentence, and the hint."""

    message: str
    hint: str


_FILES: Final = Shortage("this process may not open more files", "raise the limit: `ulimit -n 256`")
_MEMORY: Final = Shortage("there is not enough memory", "raise the limit (`ulimit -v`, or that of the container)")
_PROCESSES: Final = Shortage("no other process or thread can be started", "raise the limits: `ulimit -u`, `ulimit -v`")
_SPACE: Final = Shortage("there is no space left for a file", "free some space, or raise the limit (`ulimit -f`)")
_TEMPORARY: Final = Shortage("no folder for temporary files can be written", "set TMPDIR to one that can")
_NULL: Final = Shortage(f"{os.devnull} is missing or cannot be opened", "mount it: every POSIX system has it")
_FOLDER: Final = Shortage("the working directory is gone", "change to a folder that exists")
_BY_NUMBER: Final[Mapping[int, Shortage]] = {
    errno.EMFILE: _FILES,
    errno.ENFILE: _FILES,
    errno.ENOMEM: _MEMORY,
    errno.EAGAIN: _PROCESSES,
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EFBIG: _SPACE,
}
# How Python and the dynamic loader word it where they give no number.
_BY_WORDS: Final = (
    (r"No usable temporary directory", _TEMPORARY),
    (rf"'{re.escape(os.devnull)}'", _NULL),
    (r"Too many open files", _FILES),
    (r"MemoryError|Cannot allocate memory|failed to map segment|out of memory", _MEMORY),
    (r"can't start new thread|can't allocate lock|Resource temporarily unavailable", _PROCESSES),
    (r"No space left on device|File too large|Disk quota exceeded", _SPACE),
)


def shortage(error: BaseException) -> Shortage | None:
    """What the process lacks, if that is why it failed."""
    for each in _causes(error):
        if isinstance(each, MemoryError):
            return _MEMORY
        if isinstance(each, (OSError, ImportError, RuntimeError)) and (found := shortage_in(str(each))):
            return found
        if isinstance(each, OSError) and (found := _BY_NUMBER.get(each.errno or 0)):
            return found
        if isinstance(each, FileNotFoundError) and each.filename is None and not _has_working_directory():
            return _FOLDER
    return None


def _has_working_directory() -> bool:
    try:
        os.getcwd()  # noqa: PTH109 - what Path.cwd() calls
    except FileNotFoundError:
        return False
    return True


def shortage_in(text: str) -> Shortage | None:
    """The same for the message of another process."""
    return next((found for words, found in _BY_WORDS if re.search(words, text)), None)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
