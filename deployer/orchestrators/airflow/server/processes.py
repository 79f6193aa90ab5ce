"""Starts processes of Airflow under a keeper, which ends them and all that they started, however this process ends."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_KEEPER = Path(__file__).with_name("keeper.py")
# Seconds that the keeper gets to end everything; it kills what does not end by itself long before.
_PATIENCE = 30


@dataclass(frozen=True)
class Program:
    """A command, and the file that its output is appended to."""

    name: str
    command: Sequence[str]
    log: Path


class Running:
    """Programs that run until the first of them ends."""

    def __init__(self, keeper: subprocess.Popen[bytes], programs: Sequence[Program]) -> None:
        self._keeper = keeper
        self._programs = programs
        self._ended: tuple[Program, int] | None = None
        assert keeper.stdout is not None
        os.set_blocking(keeper.stdout.fileno(), False)

    @property
    def ended(self) -> tuple[Program, int] | None:
        """The first program that ended, and its exit code (negative: the signal that ended it); None if all run."""
        if self._ended is None:
            assert self._keeper.stdout is not None
            line = self._keeper.stdout.readline()
            if line:
                number, code = json.loads(line)
                self._ended = self._programs[number], code
            elif self._keeper.poll() is not None:
                self._ended = self._programs[0], self._keeper.returncode
        return self._ended


@contextlib.contextmanager
def running(programs: Sequence[Program], variables: Mapping[str, str], folder: Path) -> Iterator[Running]:
    """The programs, started in `folder` with these variables alone. At the end of the block nothing of them is left.

    Raises OSError.
    """
    request = {"programs": [[list(program.command), str(program.log)] for program in programs]}
    keeper = subprocess.Popen(
        [sys.executable, "-I", str(_KEEPER)],
        env=dict(variables),
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # Out of reach of the terminal's Ctrl-C: the keeper ends things in order.
        start_new_session=True,
    )
    try:
        assert keeper.stdin is not None
        keeper.stdin.write(json.dumps(request).encode() + b"\n")
        keeper.stdin.flush()
        yield Running(keeper, programs)
    finally:
        _end(keeper)


def _end(keeper: subprocess.Popen[bytes]) -> None:
    assert keeper.stdin is not None
    assert keeper.stdout is not None
    with contextlib.suppress(OSError):
        keeper.stdin.close()
    try:
        keeper.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(keeper.pid, signal.SIGKILL)
        keeper.wait()
    keeper.stdout.close()
