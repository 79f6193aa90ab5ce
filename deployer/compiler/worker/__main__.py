"""Starts the helper under a package name of its own, so that no flow's module can be hidden by one of ours."""

import importlib
import importlib.util
import os
import sys
from pathlib import Path

PACKAGE = "_mfdeploy_worker"


def main() -> None:
    """Reads one request on standard input and writes one JSON line for each job to standard output.

    Its argument is how many jobs there will be.
    """
    folder = Path(__file__).resolve().parent
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != folder]
    spec = importlib.util.spec_from_file_location(
        PACKAGE, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load {folder}")
    package = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = package
    spec.loader.exec_module(package)
    importlib.import_module(f"{PACKAGE}.serve").serve(int(sys.argv[1]))
    # All is said; to take Python down piece by piece takes a tenth of a second, for which somebody waits.
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
