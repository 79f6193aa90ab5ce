"""The workers of a `@parallel` step: tasks of Metaflow that the step's own process starts, and that end with it.

Metaflow starts them as its `run` does. What each is, besides its own number, is what the task of Airflow is.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .variables import GIVEN

# Of variables that a task takes out of its environment before the step's code begins.
_TAKEN_OUT = ("METAFLOW_", "MFDEPLOY_")


def worker_command(arguments: Mapping[str, Any]) -> list[str]:
    """The command that runs a worker, with Metaflow's `arguments` of its task.

    The variables of the task that are no longer in the environment come to it in a file: they may be long, and others
    can read the arguments of a process.
    """
    node = int(arguments["split_index"])
    given = {name: text for name, text in GIVEN.items() if name.startswith(_TAKEN_OUT) and name not in os.environ}
    given |= {
        "METAFLOW_TASK_ID": arguments["task_id"],
        "MFDEPLOY_PARALLEL": str(node),
        "MFDEPLOY_RESULT_FILE": str(_file(node, "result")),
    }
    file = _file(node, "variables")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(given), encoding="utf-8")
    return [sys.executable, "-u", "-m", "mfdeploy_task.worker", sys.argv[0], str(file), str(os.getpid())]


def events_of_workers(nodes: int) -> list[dict[str, Any]]:
    """What the code of the workers published: Airflow publishes it with what the control task did."""
    files = [_file(node, "result") for node in range(1, nodes)]
    results = [json.loads(file.read_text(encoding="utf-8")) for file in files if file.exists()]
    return [event for result in results for event in result.get("events", ())]


def _file(node: int, kind: str) -> Path:
    return Path(GIVEN["MFDEPLOY_RESULT_FILE"]).with_name(f"worker-{node}-{kind}.json")
