"""Runs the command line, and sends it a signal at the n-th moment at which the system is asked for something.

Arguments: n (0: never; -1: never, and the number of moments is printed at the end), the signal's name, and those of
mfdeploy. The signal comes from outside, as a terminal's does.
"""

import os
import signal
import sys
import threading

from deployer.cli import main as mfdeploy

_EVENTS = ("open", "import", "os.rename", "os.listdir", "subprocess.Popen", "os.posix_spawn", "os.remove")
_MAIN = threading.main_thread()


def main() -> None:
    at, number = int(sys.argv[1]), signal.Signals[sys.argv[2]]
    del sys.argv[1:3]
    count = 0

    def hear(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal count
        if event in _EVENTS and threading.current_thread() is _MAIN:
            count += 1
            if count == at:
                os.kill(os.getpid(), number)

    sys.addaudithook(hear)
    try:
        mfdeploy()
    finally:
        if at < 0:
            print("MOMENTS", count)


if __name__ == "__main__":
    main()
