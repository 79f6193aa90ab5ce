"""Forks processes that do not hold open what only this one may: else nobody would hear of its end."""

from __future__ import annotations

import os

_own: list[int] = []


def keep_to_itself(descriptor: int) -> None:
    """Close it in each process that is forked from now on."""
    _own.append(descriptor)


def fork() -> int:
    """As `os.fork`."""
    pid = os.fork()
    if pid == 0:
        while _own:
            os.close(_own.pop())
    return pid
