"""Runs one process to its end: no terminal to ask on, a time limit, and a bound on what is kept of its output."""

from __future__ import annotations

import contextlib
import os
import select
import selectors
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import IO, Final

_CHUNK: Final = 65_536


class ProcessTimeoutError(Exception):
    """The process did not end in time and was killed."""


class OutputLimitError(Exception):
    """The process wrote more to its standard output than was allowed and was killed."""


@dataclass(frozen=True)
class Limits:
    """`seconds` for the whole process, `output` bytes of standard output; of standard error `errors` bytes are kept."""

    seconds: float
    output: int
    errors: int


def run(command: Sequence[str], stdin: bytes, variables: Mapping[str, str], limits: Limits) -> tuple[int, bytes, bytes]:
    """Exit code (negative: the signal that ended it), standard output and standard error of a command.

    Raises OSError when it cannot be started, ProcessTimeoutError and OutputLimitError. When it raises, or is
    interrupted, nothing that the command started in its session is left running.
    """
    pipe = subprocess.PIPE
    # A session of its own has no terminal, so that nothing that the command starts (ssh) can ask there either.
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=variables, start_new_session=True)
    with process:
        try:
            output, errors = _exchange(process, stdin, limits)
        except BaseException:
            # The command's own children may still write into a folder that the caller is about to remove.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
    return process.returncode, output, errors


def _exchange(process: subprocess.Popen[bytes], stdin: bytes, limits: Limits) -> tuple[bytes, bytes]:
    """What the process writes until it closes both streams, while it is fed `stdin`."""
    assert process.stdin and process.stdout and process.stderr
    output, errors = bytearray(), bytearray()
    deadline = monotonic() + limits.seconds
    pending = memoryview(stdin)
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdin, selectors.EVENT_WRITE)
        selector.register(process.stdout, selectors.EVENT_READ)
        selector.register(process.stderr, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0, deadline - monotonic()))
            if not ready and monotonic() >= deadline:
                raise ProcessTimeoutError
            for key, _ in ready:
                if key.fileobj is process.stdin:
                    pending = _feed(process.stdin, pending)
                    if not pending:
                        selector.unregister(process.stdin)
                        _close(process.stdin)
                    continue
                chunk = os.read(key.fd, _CHUNK)
                if not chunk:
                    selector.unregister(key.fileobj)
                elif key.fileobj is process.stdout:
                    output += chunk
                    if len(output) > limits.output:
                        raise OutputLimitError
                else:
                    # Read to the end all the same: the process must not wait for somebody to take it.
                    errors += chunk[: max(0, limits.errors - len(errors))]
    return bytes(output), bytes(errors)


def _feed(stream: IO[bytes], pending: memoryview) -> memoryview:
    """What is left to write. A pipe that is ready takes this many bytes without blocking."""
    try:
        return pending[os.write(stream.fileno(), pending[: select.PIPE_BUF]) :] if pending else pending
    except BrokenPipeError:  # it reads no more; its exit code says why
        return pending[:0]


def _close(stream: IO[bytes]) -> None:
    with contextlib.suppress(BrokenPipeError):
        stream.close()
