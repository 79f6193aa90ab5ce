"""Starts programs, and lives until it is told to end; then nothing is left of them, or of what they started.

``python keeper.py`` reads one line of JSON, ``{"programs": [[COMMAND, LOG], ...]}``, and writes ``[NUMBER, CODE]`` when
one has ended. It ends everything when its standard input closes, as it does however its parent ends, and when it gets
SIGTERM. Airflow's processes leave their session and their group, and those whose parent was killed would go on: where
the system can (Linux), they get this process as their parent.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
# Seconds that the programs have to end by themselves, after SIGTERM.
GRACE = 3.0


def main() -> None:
    become_subreaper()
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    request = json.loads(sys.stdin.readline())
    started = [start(command, log) for command, log in request["programs"]]
    seen: set[int] = set()
    while wait(woken):
        seen |= report(started, seen)
        reap(started)
    end(started)


def become_subreaper() -> None:
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def start(command: list[str], log: str) -> subprocess.Popen[bytes]:
    with Path(log).open("ab") as output:
        # A session of its own: what a program sends to its group is not for the others.
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)


def wait(woken: int) -> bool:
    """Whether to go on, after a signal; False as soon as the parent is gone, or wants it."""
    ready, _, _ = select.select([woken, sys.stdin], [], [])
    told = os.read(woken, 4096) if woken in ready else b""
    return sys.stdin not in ready and signal.SIGTERM not in told


def report(started: list[subprocess.Popen[bytes]], seen: set[int]) -> set[int]:
    """Writes a line for each program that has ended since; their numbers."""
    ended = {number for number, program in enumerate(started) if number not in seen and program.poll() is not None}
    for number in sorted(ended):
        with contextlib.suppress(OSError):
            sys.stdout.write(json.dumps([number, started[number].returncode]) + "\n")
            sys.stdout.flush()
    return ended


def end(started: list[subprocess.Popen[bytes]]) -> None:
    # Where orphans do not come to this process, they are known by now or never.
    known = [] if sys.platform == "linux" else descendants(os.getpid())
    for program in started:
        if program.poll() is None:
            program.terminate()
    limit = time.monotonic() + GRACE
    while any(program.poll() is None for program in started) and time.monotonic() < limit:
        time.sleep(0.02)
    kill(known)
    while found := descendants(os.getpid()):
        kill(found)
        reap_all()
        time.sleep(0.01)


def kill(processes: Iterable[int]) -> None:
    for process in processes:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process, signal.SIGKILL)


def reap(started: list[subprocess.Popen[bytes]]) -> None:
    """Takes leave of the orphans that came to this process. The programs themselves are waited for by `report`."""
    own = {program.pid for program in started}
    for child in children(os.getpid()):
        if child not in own:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, os.WNOHANG)


def reap_all() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def descendants(process: int) -> list[int]:
    """All processes below one; those that are no more count until somebody waits for them."""
    if sys.platform == "linux":
        return [each for child in children(process) for each in (child, *descendants(child))]
    below: dict[int, list[int]] = {}
    for child, parent in listed():
        below.setdefault(parent, []).append(child)
    found, ahead = [], list(below.get(process, ()))
    while ahead:
        found.append(ahead.pop())
        ahead += below.get(found[-1], ())
    return found


def children(process: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += map(int, task.read_text().split())
    return found


def listed() -> Iterable[tuple[int, int]]:
    """Each process with its parent, where there is no /proc; the one that lists them is left out."""
    listing = subprocess.Popen(["ps", "-axo", "pid=,ppid="], stdout=subprocess.PIPE, text=True)
    output, _ = listing.communicate()
    for line in output.splitlines():
        child, parent = map(int, line.split())
        if child != listing.pid:
            yield child, parent


if __name__ == "__main__":
    main()
