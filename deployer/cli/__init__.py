"""The command line. Nothing else prints, reads the terminal or exits."""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Sequence

# Exit codes: docs/output.md says what each means.
DONE, REFUSED, CHANGES, BUG, INTERRUPTED = 0, 1, 2, 3, 130


def main() -> None:
    """Run the command line and exit with its code."""
    # A command lives for seconds and keeps what it makes, up to thousands of models of what is deployed: to go through
    # them in search of garbage as often as Python does by default takes longer than to make them.
    gc.set_threshold(20_000, 20, 20)
    # What a CI system sends to a job that was cancelled: it ends like Ctrl-C, and nothing is left behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    code = run(sys.argv[1:])
    # It is decided: an interrupt from here on would only add a traceback of Python's own ending.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """The exit code of one command line: 0 done, 1 refused, 2 changes (if asked for), 3 a bug, 130 interrupted."""
    try:
        # Imported here, so that an interrupt meanwhile ends like any other.
        from deployer.cli.running import run_command

        return run_command(arguments)
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        return INTERRUPTED
