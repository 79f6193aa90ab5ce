"""The command line. Nothing else prints, reads the terminal or exits."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from deployer.cli.early import early_helper
from deployer.models.shortage import shortage

# Exit codes: docs/output.md says what each means.
DONE, REFUSED, CHANGES, BUG, INTERRUPTED = 0, 1, 2, 3, 130
_UNSUPPORTED = ("win32", "cygwin", "emscripten", "wasi")


def main() -> None:
    """Run the command line and exit with its code."""
    if sys.platform in _UNSUPPORTED:
        # No fork, no file locks, no signals of POSIX.
        sys.stderr.write("error: mfdeploy runs on Linux and macOS; on Windows use WSL (wsl --install)\n")
        sys.exit(REFUSED)
    # A command lives for seconds and keeps what it makes, up to thousands of models of what is deployed: to go through
    # them in search of garbage as often as Python does by default takes longer than to make them.
    gc.set_threshold(20_000, 20, 20)
    # What a CI system sends to a job that was cancelled, and a terminal or an ssh session that is closed to what runs
    # in it: it ends like Ctrl-C, and nothing is left behind. `nohup` has the second one ignored.
    for number in _like_ctrl_c():
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    code = run(sys.argv[1:], is_process=True)
    # It is decided: an interrupt from here on would only add a traceback of Python's own ending.
    for number in (signal.SIGINT, *_like_ctrl_c()):
        signal.signal(number, signal.SIG_IGN)
    _give_up_broken_streams()
    # All that lives goes with the process. To search it for garbage once more, as Python does at its end, takes a tenth
    # of a plan of one flow.
    gc.freeze()
    sys.exit(code)


def _like_ctrl_c() -> tuple[signal.Signals, ...]:
    return (signal.SIGTERM, signal.SIGHUP)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Ends the command, once: these signals often come in twos, and what cleans up must not be interrupted."""
    for each in _like_ctrl_c():
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


def _give_up_broken_streams() -> None:
    """Python's ending flushes them, and fails where one cannot be written, such as a terminal that was closed."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            with contextlib.suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        except (AttributeError, ValueError):  # there is none, or it is closed
            continue


def run(arguments: Sequence[str], *, is_process: bool = False) -> int:
    """The exit code of one command line: 0 done, 1 refused, 2 changes (if asked for), 3 a bug, 130 interrupted.

    `is_process` says that this process is there for nothing else, so that every import is still to come.
    """
    try:
        with early_helper(arguments) if is_process else contextlib.nullcontext():
            # Imported here, so that an interrupt meanwhile ends like any other.
            from deployer.cli.running import run_command

            return run_command(arguments)
    except KeyboardInterrupt:
        with contextlib.suppress(OSError):
            sys.stderr.write("Interrupted.\n")
        return INTERRUPTED
    except Exception as error:
        # There was not even enough of something to import or report with.
        lack = shortage(error)
        if lack is None:
            raise
        with contextlib.suppress(OSError):
            sys.stderr.write(f"error: {lack.message}; {lack.hint}\n")
        return REFUSED
