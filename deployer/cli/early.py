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
# With these they compile nothing.
_SHOWING = ("-h", "--help", "--from")
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
    # Where a standard stream is closed, the next file that is opened would get its number.
    if compiles(arguments) and None not in (sys.stdin, sys.stdout, sys.stderr):
        from deployer.compiler.early import EarlyHelper

        with suppress(OSError):  # the helper that is started when it is needed will say so
            yield EarlyHelper(os.environ)


def compiles(arguments: Sequence[str]) -> bool:
    """Whether a command line is one that compiles flows, as far as that can be told before it is understood."""
    words = {argument.partition("=")[0] for argument in arguments}
    return bool(arguments) and arguments[0] in _COMPILING and words.isdisjoint(_SHOWING)
