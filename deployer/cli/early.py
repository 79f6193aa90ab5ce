"""Starts a helper before anything else is imported, for commands that compile flows; see `deployer.compiler.early`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deployer.compiler.early import EarlyHelper

_COMPILING = ("plan", "apply")
_HELP = {"-h", "--help"}
# That of this process's command line: it starts before there is a context to keep it.
_helpers: list[EarlyHelper] = []


@contextmanager
def early_helper(arguments: Sequence[str]) -> Iterator[None]:
    """For a command line that compiles flows, a helper that ends with the block unless a compiler has taken it."""
    _helpers.extend(_started(arguments))
    try:
        yield
    finally:
        while _helpers:
            _helpers.pop().close()


def started_helper() -> EarlyHelper | None:
    """The helper of this command line, if there is one."""
    return _helpers[0] if _helpers else None


def _started(arguments: Sequence[str]) -> Iterator[EarlyHelper]:
    compiles = bool(arguments) and arguments[0] in _COMPILING and not _HELP & {*arguments}
    # Where a standard stream is closed, the next file that is opened would get its number.
    if compiles and None not in (sys.stdin, sys.stdout, sys.stderr):
        from deployer.compiler.early import EarlyHelper

        with suppress(OSError):  # the helper that is started when it is needed will say so
            yield EarlyHelper(os.environ)
