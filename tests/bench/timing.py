"""Medians of commands that are run by turns, and the memory that they take."""

from __future__ import annotations

import os
import statistics
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

Seconds = Callable[[], float]


@dataclass(frozen=True)
class Turns:
    """Medians, in seconds, of two commands that were run by turns."""

    first: float
    second: float


def by_turns(first: Seconds, second: Seconds, times: int) -> Turns:
    """Run B A B A ... B: `times` runs of the first command, each between two of the second.

    A machine that gets slower or faster meanwhile does so for both.
    """
    theirs = [second()]
    ours = []
    for _ in range(times):
        ours.append(first())
        theirs.append(second())
    return Turns(statistics.median(ours), statistics.median(theirs))


@contextmanager
def peak_memory() -> Iterator[list[int]]:
    """The highest sum of the proportional set sizes (KiB) of this process's children, sampled while in the block."""
    peak, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            peak[0] = max(peak[0], sum(map(_proportional, _below(os.getpid()))))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


def _below(parent: int) -> Iterator[int]:
    try:
        children = Path(f"/proc/{parent}/task").glob("*/children")
        for child in (int(pid) for file in children for pid in file.read_text().split()):
            yield child
            yield from _below(child)
    except OSError:
        return


def _proportional(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
