"""Keeps track of the running helper processes, so that none is left behind, however this process ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from threading import Lock
from typing import IO

# Seconds that an interrupted helper has to exit by itself and clean up.
_GRACE = 2.0


class RunningHelpers:
    """Starts helpers, each in a process group of its own: signals of the terminal reach this process only."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopped = False

    @contextlib.contextmanager
    def start(
        self, command: Sequence[str], environ: Mapping[str, str], errors: IO[bytes]
    ) -> Iterator[subprocess.Popen[bytes]]:
        """A helper with pipes to talk to it; waited for at the end of the block.

        Its last argument is the end of a pipe whose other end only this process has open: when that closes, the helper
        and all that it started are killed.
        """
        watched, lifeline = os.pipe()
        try:
            with self._lock:
                if self._stopped:
                    raise OSError("interrupted")
                process = self._start([*command, str(watched)], environ, errors, watched)
                self._running.add(process)
            os.close(watched)
            watched = -1
            try:
                with process:
                    yield process
            finally:
                with self._lock:
                    self._running.discard(process)
        finally:
            for end in filter(lambda end: end >= 0, (watched, lifeline)):
                os.close(end)

    def _start(
        self, command: Sequence[str], environ: Mapping[str, str], errors: IO[bytes], watched: int
    ) -> subprocess.Popen[bytes]:
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command,
            stdin=pipe,
            stdout=pipe,
            stderr=errors,
            env=dict(environ),
            pass_fds=[watched],
            start_new_session=True,
        )

    def stop(self) -> None:
        """End all running helpers with their children, and let no other start."""
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
    """Helpers for the block. If an exception, such as an interrupt, leaves the block, all of them are ended."""
    helpers = RunningHelpers()
    try:
        yield helpers
    except BaseException:
        helpers.stop()
        raise


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
