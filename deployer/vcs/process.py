"""Runs a process to its end: without a terminal, with a time limit, and with limited output."""

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


class SilenceError(Exception):
    """The process wrote nothing for too long and was killed."""


class OutputLimitError(Exception):
    """The process wrote more to its standard output than allowed and was killed."""


@dataclass(frozen=True)
class Limits:
    """`seconds` for the process and `output` bytes of standard output. Standard error is cut after `errors` bytes.

    `silence` is for how many seconds it may write nothing at all; None: for any time.
    """

    seconds: float
    output: int
    errors: int
    silence: float | None = None


def run(command: Sequence[str], stdin: bytes, variables: Mapping[str, str], limits: Limits) -> tuple[int, bytes, bytes]:
    """Run a command. Returns its exit code (negative: the signal that ended it), standard output and standard error.

    Raises OSError if it cannot be started, ProcessTimeoutError, SilenceError and OutputLimitError. If it raises or is
    interrupted, every process that the command started in its session is killed.
    """
    pipe = subprocess.PIPE
    # A new session has no terminal, so no program that the command starts (such as ssh) can prompt the user.
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=variables, start_new_session=True)
    with process:
        try:
            output, errors = _exchange(process, stdin, limits)
        except BaseException:
            # Child processes of the command could still write to a folder that the caller is about to remove.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
    return process.returncode, output, errors


def _exchange(process: subprocess.Popen[bytes], stdin: bytes, limits: Limits) -> tuple[bytes, bytes]:
    """Write `stdin` to the process, and read its output until it closes both streams."""
    assert process.stdin and process.stdout and process.stderr
    output, errors = bytearray(), bytearray()
    deadline = monotonic() + limits.seconds
    silence = limits.seconds if limits.silence is None else limits.silence
    heard = monotonic()
    pending = memoryview(stdin)
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdin, selectors.EVENT_WRITE)
        selector.register(process.stdout, selectors.EVENT_READ)
        selector.register(process.stderr, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0, min(deadline, heard + silence) - monotonic()))
            if not ready and monotonic() >= deadline:
                raise ProcessTimeoutError
            if not ready and monotonic() >= heard + silence:
                raise SilenceError
            for key, _ in ready:
                if key.fileobj is process.stdin:
                    pending = _feed(process.stdin, pending)
                    if not pending:
                        selector.unregister(process.stdin)
                        _close(process.stdin)
                    continue
                chunk = os.read(key.fd, _CHUNK)
                heard = monotonic()
                if not chunk:
                    selector.unregister(key.fileobj)
                elif key.fileobj is process.stdout:
                    output += chunk
                    if len(output) > limits.output:
                        raise OutputLimitError
                else:
                    # Read the rest and discard it: else the process would block on a full pipe.
                    errors += chunk[: max(0, limits.errors - len(errors))]
    return bytes(output), bytes(errors)


def _feed(stream: IO[bytes], pending: memoryview) -> memoryview:
    """Write a part of `pending` that does not block, and return the rest."""
    try:
        return pending[os.write(stream.fileno(), pending[: select.PIPE_BUF]) :] if pending else pending
    except BrokenPipeError:  # it closed its input; the exit code says why
        return pending[:0]


def _close(stream: IO[bytes]) -> None:
    with contextlib.suppress(BrokenPipeError):
        stream.close()
