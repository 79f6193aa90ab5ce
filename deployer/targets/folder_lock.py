"""The exclusive lock on a folder: of the folder itself, or of a file in it where the file system locks no folder.

The kernel releases either with the process, so none can be left behind.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deployer.models.target import TargetError

# NFS locks only what is open for writing, which a folder cannot be.
LOCK_FILE = ".mfdeploy.lock"
# What file systems give as the reason when they have no lock for a folder; NFS the first.
_CANNOT_LOCK = (errno.EBADF, errno.EOPNOTSUPP, errno.ENOLCK, errno.ENOSYS)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock; waits for it. Raises TargetError where the file system has no locks at all, and OSError."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with holding(handle, folder):
            yield
    finally:
        os.close(handle)


@contextmanager
def holding(handle: int, folder: Path) -> Iterator[None]:
    """Hold the lock on an open folder, or on the lock file in it. Raises as `locked` does."""
    # Not the file wherever the folder can be locked: a folder cannot be replaced by another while it is locked.
    if _lock(handle) is None:
        yield
        return
    file = _locked_file(folder)
    try:
        yield
    finally:
        os.close(file)


def _locked_file(folder: Path) -> int:
    path = folder / LOCK_FILE
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        if refusal := _lock(handle):
            os.close(handle)
            message = f"{folder}: the file system has no locks ({refusal.strerror}); nothing was written"
            raise TargetError(message, "publish to git or an object store") from refusal
        # Somebody may have deleted the file while this process waited (`rsync --delete`, `git clean`): whoever came
        # after that holds the lock of another file.
        if _is_open(path, handle):
            return handle
        os.close(handle)


def _lock(handle: int) -> OSError | None:
    """Wait for the lock; the reason if the file system has none for this."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in _CANNOT_LOCK:
            raise
        return error
    return None


def _is_open(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(handle))
    except FileNotFoundError:
        return False
