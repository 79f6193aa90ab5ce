"""The helper processes that are running, so that an interrupt leaves none behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from threading import Lock
from typing import IO

# Seconds for a helper that was interrupted to end by itself, with what it has opened.
_GRACE = 2.0


class RunningHelpers:
    """Starts helpers, each in a process group of its own: what is typed at the terminal reaches this process alone."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopped = False

    @contextlib.contextmanager
    def start(
        self, command: Sequence[str], environ: Mapping[str, str], errors: IO[bytes]
    ) -> Iterator[subprocess.Popen[bytes]]:
        """A helper with pipes to talk to it; waited for at the end of the block."""
        pipe = subprocess.PIPE
        with self._lock:
            if self._stopped:
                raise OSError("interrupted")
            process = subprocess.Popen(
                command, stdin=pipe, stdout=pipe, stderr=errors, env=dict(environ), start_new_session=True
            )
            self._running.add(process)
        try:
            with process:
                yield process
        finally:
            with self._lock:
                self._running.discard(process)

    def stop(self) -> None:
        """End those that run, with what they have forked, and let no other start."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
        for process in running:
            _signal(process, signal.SIGINT)
        for process in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE)
            _signal(process, signal.SIGKILL)


@contextlib.contextmanager
def running_helpers() -> Iterator[RunningHelpers]:
    """For the time of the block; when it is left by an exception, an interrupt above all, no helper stays."""
    helpers = RunningHelpers()
    try:
        yield helpers
    except BaseException:
        helpers.stop()
        raise


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
