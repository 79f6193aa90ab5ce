"""Runs one worker of a `@parallel` step: ``python -m mfdeploy_task.worker FLOW_FILE VARIABLES_FILE PARENT``.

The step's process starts it; see `parallel.py`.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def main() -> int:
    """Runs the task that the variables describe. Returns the exit code."""
    flow_file, file, parent = sys.argv[1:]
    # Before anything reads it: Metaflow does when it is imported.
    os.environ.update(json.loads(Path(file).read_text(encoding="utf-8")))
    Path(file).unlink()
    from .__main__ import run_worker

    return run_worker(flow_file, int(parent))


if __name__ == "__main__":
    sys.exit(main())
