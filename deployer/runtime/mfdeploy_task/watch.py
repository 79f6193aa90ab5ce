"""The process that watches a step's: passes on what it says, keeps that as Metaflow's task logs, and judges its end."""

from __future__ import annotations

import contextlib
import ctypes
import io
import mmap
import os
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

from .flow_file import shell_code
from .metaflow_compat import TASK_LOG_SOURCE, mflog, save_logs, update_delay

# Memory that the step's process shares with the one that watches it. One byte: whether the step finished. An exit code
# of 0 does not say so, as any code may end the process with it.
_finished = mmap.mmap(-1, 1)
# And the error that the step raised, as text.
_error = mmap.mmap(-1, 2000)


def say_finished() -> None:
    """Says in the step's process that Metaflow finished the step, and that its result is written."""
    _finished[0] = 1


def say_error(error: BaseException) -> None:
    """Says in the step's process which error the step raised, which whoever reads the log is to find at its end."""
    try:
        said = str(error)
    except Exception:  # it is the user's
        said = ""
    text = f"{type(error).__name__}: {' '.join(said.split())}".rstrip(": ")
    shown = "".join(character if character.isprintable() else "?" for character in text[:400])
    _error.seek(0)
    _error.write(shown.encode() + b"\0")


def fork_watched() -> tuple[int, list[int]] | None:
    """Goes on in a child with empty input and piped output. The parent gets its id and its output; the child None."""
    _empty_input()
    pipes = [os.pipe(), os.pipe()]
    this = os.getpid()
    child = os.fork()
    if child == 0:
        end_with_parent(this)
        for stream, (_, writer) in enumerate(pipes, start=1):
            os.dup2(writer, stream)
    for _, writer in pipes:
        os.close(writer)
    if child:
        return child, [reader for reader, _ in pipes]
    for reader, _ in pipes:
        os.close(reader)
    return None


def _empty_input() -> None:
    """A step is not to wait for what somebody types where an Airflow worker was started."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.set_inheritable(0, True)
    if nothing:  # where input was closed it took that place
        os.close(nothing)
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False)  # noqa: SIM115 - as long as the process


def watch(child: int, outputs: list[int]) -> int:
    """Passes a child's output on, keeps it as Metaflow's task logs, and returns the exit code.

    It is 0 only where the child said that the step finished.
    """
    told_to_end = _pass_on(signal.SIGTERM, child)
    if "METAFLOW_KUBERNETES_WORKLOAD" not in os.environ:
        end_with_parent()
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
    status = os.waitpid(child, 0)[1]
    # Now: a process that the step left behind may go on with the step's code.
    finished = bool(_finished[0])
    for reader in readers:
        # A process that the step left behind may hold its output open.
        reader.join(timeout=5)
    if not told_to_end.is_set():
        if status or not finished:
            for file, stream in zip(files, streams):  # noqa: B905 - as above
                _end_line(file, stream)
        _say_why(status, finished, files[1], streams[1])
        _say_error_again(status, streams[1])
    ended.set()
    keeper.join()
    return shell_code(status) or int(not finished)


def _pass_on(number: signal.Signals, child: int) -> threading.Event:
    """Lets a child get a signal that comes here. Returns what is set once one came."""
    came = threading.Event()

    def pass_on(number: int, frame: Any) -> None:
        came.set()
        os.kill(child, number)

    signal.signal(number, pass_on)
    return came


def watch_worker(child: int, name: str) -> int:
    """Waits for the process of a worker, and returns its exit code: 0 only where that said that the step finished.

    What it says goes where the control task's does. `name` is what the worker is called there.
    """
    told_to_end = _pass_on(signal.SIGTERM, child)
    status = os.waitpid(child, 0)[1]
    finished = bool(_finished[0])
    why, error = _why(status, finished), _said_error()
    if told_to_end.is_set():
        pass  # of which the control task knows more
    elif why:
        sys.stderr.write(f"The process of {name} {why}.\n")
    elif not finished and error:
        sys.stderr.write(f"{name[0].upper()}{name[1:]} raised {error}\n")
    return shell_code(status) or int(not finished)


def _say_why(status: int, finished: bool, file: str, stream: Any) -> None:
    """One sentence on a step whose process ended without saying itself what is wrong."""
    why = _why(status, finished)
    if why:
        line = f"The task fails: the process of step {os.environ['METAFLOW_STEP_NAME']} {why}.\n".encode()
        with Path(file).open("ab") as kept:
            _tee_line(line, kept, stream)


def _why(status: int, finished: bool) -> str:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        # Real-time signals have no names.
        name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
        return f"was killed by {name}{', as by a system without memory' if name == 'SIGKILL' else ''}"
    if status == 0 and not finished:
        return "ended with exit code 0 before the step finished, as after sys.exit(0) or os._exit(0) in its code"
    return ""


def _say_error_again(status: int, stream: Any) -> None:
    """One sentence after the step's traceback, for Airflow's log alone: Metaflow's has the traceback as its end."""
    error = _said_error().encode()
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) and error:
        stream.write(b"The task fails: step %s raised %s\n" % (os.environ["METAFLOW_STEP_NAME"].encode(), error))
        stream.flush()


def _said_error() -> str:
    return _error[:].partition(b"\0")[0].decode()


def end_with_parent(parent: int | None = None) -> None:
    """Asks for SIGTERM when the parent is killed: the step must not go on beside its next attempt.

    That is Airflow's process for the task, for the step's the one that watches it, and for a worker the step's;
    `parent` is its id, where it may have ended already. Only Linux knows such a thing.
    """
    if sys.platform == "linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGTERM, 0, 0, 0)
        if parent is not None and os.getppid() != parent:
            sys.exit(128 + signal.SIGTERM)


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
            _tee_line(line, kept, stream)


def _end_line(file: str, stream: Any) -> None:
    """Ends the line that a step left open, as a progress bar does: what is said next begins one, in either log."""
    with Path(file).open("a+b", buffering=0) as kept:
        if not kept.tell():
            return
        kept.seek(-1, os.SEEK_END)
        if kept.read(1) != b"\n":
            kept.write(b"\n")
            stream.write(b"\n")
            stream.flush()


def _tee_line(line: bytes, kept: Any, stream: Any) -> None:
    kept.write(mflog.decorate(TASK_LOG_SOURCE.encode(), line))
    stream.write(line)
    stream.flush()
