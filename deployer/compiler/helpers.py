"""Helper processes, and which of them run, so that none is left behind, however this process ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock

_WORKER = Path(__file__).with_name("worker")
# Seconds that an interrupted helper has to exit by itself and clean up.
_GRACE = 2.0


def helper_command(python: str) -> list[str]:
    """What starts a helper with an interpreter."""
    return [python, str(_WORKER)]


def _above_streams(descriptor: int) -> int:
    """The same file by a number that no standard stream has: where one is closed, the next file gets its number."""
    if descriptor > 2:
        return descriptor
    found = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 3)
    os.close(descriptor)
    return found


class Helper:
    """A process with pipes to talk to it, in a process group of its own: signals of the terminal reach this one only.

    Its last argument is the end of a pipe whose other end only this process has open: when that closes, the helper
    and all that it started are killed. Raises OSError.
    """

    def __init__(self, command: Sequence[str], environ: Mapping[str, str]) -> None:
        self.output = ""
        """What it wrote to standard error, once it has ended."""
        with contextlib.ExitStack() as files:
            watched, lifeline = map(_above_streams, os.pipe())
            files.callback(os.close, lifeline)
            self._errors = files.enter_context(tempfile.TemporaryFile())
            try:
                self.process = subprocess.Popen(
                    [*command, str(watched)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self._errors,
                    env=dict(environ),
                    pass_fds=[watched],
                    start_new_session=True,
                )
            finally:
                os.close(watched)
            self._files = files.pop_all()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it and to all that it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)

    def close(self) -> None:
        """Close the pipes to it, wait until it has ended, and read its `output`."""
        with self._files:
            with contextlib.suppress(BrokenPipeError):  # it may have ended before it read all
                if self.process.stdin is not None:
                    self.process.stdin.close()
            with self.process:
                pass
            self._errors.seek(0)
            self.output = self._errors.read().decode(errors="replace").strip()


Take = Callable[[Sequence[str], Mapping[str, str]], "Helper | None"]
"""A helper that runs already and suits a command and an environment; None where there is none."""


class RunningHelpers:
    """The helpers that run now. `take` may have one for the first that it suits."""

    def __init__(self, take: Take | None = None) -> None:
        self._take = take
        self._lock = Lock()
        self._running: set[Helper] = set()
        self._stopped = False

    @contextlib.contextmanager
    def start(self, command: Sequence[str], environ: Mapping[str, str]) -> Iterator[Helper]:
        """A helper, waited for at the end of the block. Raises OSError."""
        with self._lock:
            if self._stopped:
                raise OSError("interrupted")
            helper = (self._take(command, environ) if self._take else None) or Helper(command, environ)
            self._running.add(helper)
        try:
            yield helper
        finally:
            helper.close()
            with self._lock:
                self._running.discard(helper)

    def stop(self) -> None:
        """End all running helpers with their children, and let no other start."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
        for helper in running:
            helper.signal(signal.SIGINT)
        for helper in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                helper.process.wait(_GRACE)
            helper.signal(signal.SIGKILL)


@contextlib.contextmanager
def running_helpers(take: Take | None = None) -> Iterator[RunningHelpers]:
    """Helpers for the block. If an exception, such as an interrupt, leaves the block, all of them are ended."""
    helpers = RunningHelpers(take)
    try:
        yield helpers
    except BaseException:
        helpers.stop()
        raise
