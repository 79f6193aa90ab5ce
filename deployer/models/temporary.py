"""Temporary folders that are gone in the end, wherever an interrupt arrives."""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Which process made which folder: one that was forked from it must leave it alone.
_made: dict[str, int] = {}


@contextmanager
def temporary_folder(prefix: str = "mfdeploy-") -> Iterator[str]:
    """A new folder for the block.

    That of `tempfile` stays where an interrupt arrives while it is made, or while it is removed.
    """
    folder = new_name(prefix)
    try:
        make_folder(folder)
        yield folder
    finally:
        remove_folder(folder)


def new_name(prefix: str) -> str:
    """The path of a temporary folder that nobody else has or can guess. Raises OSError where there can be none."""
    return str(Path(tempfile.gettempdir()).absolute() / f"{prefix}{secrets.token_hex(8)}")


def make_folder(folder: str) -> None:
    """Make a folder that is removed at the end of this process at the latest. Raises OSError."""
    _made[folder] = os.getpid()
    Path(folder).mkdir(mode=0o700)


def remove_folder(folder: str) -> None:
    """Remove a folder of `make_folder` with all that is in it, if this process made it. Raises nothing of its own.

    Signals raise their exception once it is gone.
    """
    if _made.get(folder) != os.getpid():
        return
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        if not os.path.lexists(folder):
            del _made[folder]


@atexit.register
def _remove_all() -> None:
    for folder in list(_made):
        remove_folder(folder)
