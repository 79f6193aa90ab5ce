"""The processes that a test has started, by a variable that all of them inherit."""

from __future__ import annotations

import os
import select
from pathlib import Path

MARK = "MFDEPLOY_TEST_MARK"
# Far more than any of them needs to end, on a machine with much else to do.
_MILLISECONDS = 30_000


def processes(mark: str) -> dict[int, str]:
    """The command lines of those that run with the variable MARK, by their ids."""
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (place / "environ").read_bytes().split(b"\0"):
                found[int(place.name)] = (place / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue  # it has ended meanwhile, or is not ours
    return found


def outlived(mark: str) -> dict[int, str]:
    """Those that do not end by themselves. Each is waited for: the kernel tells when it has ended."""
    return {pid: command for pid, command in processes(mark).items() if not _ends(pid)}


def _ends(pid: int) -> bool:
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        return bool(poll.poll(_MILLISECONDS))
    finally:
        os.close(handle)
