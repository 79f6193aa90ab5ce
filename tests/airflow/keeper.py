"""Starts a command and lives until it is told to end; then nothing is left of what it started, or of what that started.

``python keeper.py PIDFILE COMMAND...`` writes the command's process id to PIDFILE. Airflow's processes leave their
session and their group, and those whose parent was killed would go on: here they get this process as their parent.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def main() -> None:
    library = ctypes.CDLL(None, use_errno=True)
    library.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    library.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    told = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, {*told, signal.SIGCHLD})
    command = subprocess.Popen(sys.argv[2:], preexec_fn=_unblock)
    partial = Path(f"{sys.argv[1]}.new")
    partial.write_text(str(command.pid))
    partial.rename(sys.argv[1])
    while signal.sigwait({*told, signal.SIGCHLD}) not in told:
        _reap()
    while found := descendants(os.getpid()):
        for process in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        _reap()


def _unblock() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def descendants(process: int) -> list[int]:
    """All processes below one, those that are no more among them until somebody waits for them."""
    found: list[int] = []
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, task.read_text().split()):
                found += [child, *descendants(child)]
    return found


if __name__ == "__main__":
    main()
