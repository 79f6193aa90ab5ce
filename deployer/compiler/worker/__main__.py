"""Starts the worker under package names of its own, so that no flow's module can be hidden by one of ours."""

from __future__ import annotations

import importlib
import os
import sys
import types
from pathlib import Path

PACKAGE = "_mfdeploy"


def main() -> None:
    """Reads one request on standard input and writes the answers to standard output."""
    folder = Path(__file__).resolve().parent
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != folder]
    # Stands for `deployer`, which need not be installed here: its rooms find each other below this one.
    package = types.ModuleType(PACKAGE)
    package.__path__ = [str(folder.parents[1])]
    sys.modules[PACKAGE] = package
    importlib.import_module(f"{PACKAGE}.compiler.worker.serve").serve()
    # All answers are written. An orderly shutdown of Python takes a tenth of a second, for which somebody waits.
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
