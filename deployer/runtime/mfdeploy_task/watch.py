"""A task's output: what the step's process says is passed on and kept as Metaflow's task logs."""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

from .metaflow_compat import TASK_LOG_SOURCE, mflog, save_logs, update_delay


def fork_watched() -> tuple[int, list[int]] | None:
    """Goes on in a child whose output is piped. The parent gets its process id and its output; the child None."""
    pipes = [os.pipe(), os.pipe()]
    child = os.fork()
    if child == 0:
        for stream, (_, writer) in enumerate(pipes, start=1):
            os.dup2(writer, stream)
    for _, writer in pipes:
        os.close(writer)
    if child:
        return child, [reader for reader, _ in pipes]
    for reader, _ in pipes:
        os.close(reader)
    return None


def watch(child: int, outputs: list[int]) -> int:
    """Passes a child's output on, keeps it as Metaflow's task logs, and returns the exit code."""
    signal.signal(signal.SIGTERM, lambda number, frame: os.kill(child, number))
    if "METAFLOW_KUBERNETES_WORKLOAD" not in os.environ:
        _end_with_parent()
    files = (os.environ["MFLOG_STDOUT"], os.environ["MFLOG_STDERR"])
    streams = (sys.stdout.buffer, sys.stderr.buffer)
    readers = [
        threading.Thread(target=_tee, args=arguments, daemon=True)
        for arguments in zip(outputs, files, streams)  # noqa: B905 - an image's Python may be older than `strict`
    ]
    ended = threading.Event()
    keeper = threading.Thread(target=_keep_logs, args=(files, ended), daemon=True)
    for thread in (*readers, keeper):
        thread.start()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    for reader in readers:
        # A process that the step left behind may hold its output open.
        reader.join(timeout=5)
    ended.set()
    keeper.join()
    return code if code >= 0 else 128 - code


def _end_with_parent() -> None:
    """Asks for SIGTERM when Airflow's process for the task is killed: the step must not go on beside its next attempt.

    Only Linux knows such a thing.
    """
    if sys.platform == "linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGTERM, 0, 0, 0)


def _keep_logs(files: tuple[str, str], ended: threading.Event) -> None:
    """Uploads the logs while they grow, as often as Metaflow's own sidecar does, and once more at the end.

    A pod may be killed as a whole, at any time: what it said until then is kept.
    """
    began, saved = time.monotonic(), [0, 0]
    while not ended.is_set():
        sizes = [Path(file).stat().st_size if Path(file).exists() else 0 for file in files]
        if sizes != saved:
            saved = sizes
            _save_logs()
        ended.wait(update_delay(time.monotonic() - began))
    _save_logs()


def _save_logs() -> None:
    try:
        # What it says when all is well is not for the task's log.
        with contextlib.redirect_stdout(io.StringIO()):
            save_logs()
    except Exception:
        # The step's result does not depend on its logs.
        traceback.print_exc()


def _tee(output: int, file: str, stream: Any) -> None:
    with open(output, "rb") as lines, Path(file).open("ab", buffering=0) as kept:
        for line in lines:
            kept.write(mflog.decorate(TASK_LOG_SOURCE.encode(), line))
            stream.write(line)
            stream.flush()
