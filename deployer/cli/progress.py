"""What is shown on standard error while a command runs: a bar on a terminal, and a line for a server that is slow.

The bar comes after a second, for whatever takes longer; the line wherever standard error goes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock, Timer
from typing import TYPE_CHECKING

from deployer.cli.output import write_message
from deployer.cli.terminal import terminal
from deployer.models.progress import Progress, silent

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

_PATIENCE = 1.0  # seconds before anything is shown


@contextmanager
def progress_bar() -> Iterator[tuple[Progress, Callable[[str], None]]]:
    """Shows what it is told until the end of the block, and then goes away; and what prints a line meanwhile."""
    if not terminal(sys.stderr).interactive:
        yield silent, _Lines(write_message)
        return
    shown = _Shown()
    # A thread of its own, since what takes long need not tell anything meanwhile.
    timer = Timer(_PATIENCE, shown.start)
    timer.daemon = True
    timer.start()
    try:
        yield shown, _Lines(shown.write)
    finally:
        timer.cancel()
        shown.stop()


class _Lines:
    """Prints each line once: many threads may wait for the same server."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._lock = Lock()
        self._seen: set[str] = set()

    def __call__(self, what: str) -> None:
        with self._lock:
            if what not in self._seen:
                self._seen.add(what)
                self._write(f"Still waiting for {what}.")


class _Shown:
    def __init__(self) -> None:
        self._lock = Lock()
        self._bar: Bar | None = None
        self._state = ("reading the manifests", 0, 0)
        self._over = False

    def __call__(self, doing: str, done: int = 0, total: int = 0) -> None:
        self._state = (doing, done, total)
        if self._bar is not None:
            self._show(self._bar)

    def write(self, line: str) -> None:
        """Print a line above the bar."""
        from deployer.models.visible import escape_controls

        with self._lock:
            if self._bar is None:
                write_message(line)
            else:
                self._bar.console.print(escape_controls(line), markup=False, highlight=False, soft_wrap=True)

    def start(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        with self._lock:
            if self._over:
                return
            bar = Progress(
                SpinnerColumn("line"),
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=None),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
                expand=True,
            )
            bar.add_task("", total=None)
            self._show(bar)
            bar.start()
            self._bar = bar

    def stop(self) -> None:
        with self._lock:
            self._over = True
            if self._bar is not None:
                self._bar.stop()

    def _show(self, bar: Bar) -> None:
        from deployer.models.visible import escape_controls

        doing, done, total = self._state
        bar.update(bar.task_ids[0], description=escape_controls(doing), completed=done, total=total or None)
