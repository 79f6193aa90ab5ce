"""Starts the worker under package names of its own, so that no flow's module can be hidden by one of ours."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import signal
import sys
import types
from pathlib import Path

PACKAGE = "_mfdeploy"


def main() -> None:
    """Reads one request on standard input and writes the answers to standard output.

    The last argument is the number of a pipe's end that is open as long as mfdeploy runs; without one nobody watches.
    One before it says that the environment comes on standard input, too, ahead of the request.
    """
    watcher = _watch(int(sys.argv.pop())) if len(sys.argv) > 1 else None
    try:
        _work(is_early=len(sys.argv) > 1)
    finally:
        if watcher is not None:
            os.kill(watcher, signal.SIGKILL)
            os.waitpid(watcher, 0)
    # All answers are written. An orderly shutdown of Python takes a tenth of a second, for which somebody waits.
    sys.stderr.flush()
    os._exit(0)


def _watch(lifeline: int) -> int:
    """The id of a process that kills this one and all that it starts, its process group, when mfdeploy has ended.

    However that ends: the kernel closes the other end of the pipe. It is no thread, since this process forks, and it
    is forked before anything is imported, so that it is small.
    """
    group = os.getpid()  # the command starts this process as the first of a group
    watcher = os.fork()
    if watcher:
        os.close(lifeline)
        return watcher
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    for stream in range(3):  # whose end somebody else waits for
        with contextlib.suppress(OSError):
            os.close(stream)
    os.read(lifeline, 1)
    with contextlib.suppress(ProcessLookupError):  # somebody else started it
        os.killpg(group, signal.SIGKILL)
    os._exit(0)


def _work(is_early: bool) -> None:
    # This process and its children end long before a collector is worth its time.
    gc.disable()
    folder = Path(__file__).resolve().parent
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != folder]
    # Stands for `deployer`, which need not be installed here: its rooms find each other below this one.
    package = types.ModuleType(PACKAGE)
    package.__path__ = [str(folder.parents[1])]
    sys.modules[PACKAGE] = package
    if is_early:
        importlib.import_module(f"{PACKAGE}.compiler.worker.waiting").wait()
    importlib.import_module(f"{PACKAGE}.compiler.worker.serve").serve()


if __name__ == "__main__":
    main()
