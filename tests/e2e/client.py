"""Prints what Metaflow's Client says of the runs of some flows, as JSON: ``python client.py FLOW...``.

A program of its own, since Metaflow reads where its datastore is when it is imported.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import metaflow


def main() -> None:
    import metaflow

    metaflow.namespace(None)
    print(json.dumps({name: runs_of(name) for name in sys.argv[1:]}, default=str))


def runs_of(name: str) -> list[dict[str, Any]]:
    """Those of a flow in the order of their start; of one that never came to its first task, none."""
    import metaflow

    try:
        flow = metaflow.Flow(name)
    except metaflow.exception.MetaflowNotFound:
        return []
    return [run_of(run) for run in sorted(flow, key=created)]


def created(run: metaflow.Run | metaflow.Task) -> datetime:
    found: datetime = run.created_at
    return found


def run_of(run: metaflow.Run) -> dict[str, Any]:
    return {
        "id": run.id,
        "finished": run.finished,
        "successful": run.successful,
        "tags": sorted(run.tags),
        "user_tags": sorted(run.user_tags),
        "steps": {step.id: [task_of(task) for task in sorted(step, key=created)] for step in run},
    }


def task_of(task: metaflow.Task) -> dict[str, Any]:
    import metaflow

    earlier = [metaflow.Task(task.pathspec, attempt=attempt) for attempt in range(task.current_attempt or 0)]
    return {
        "id": task.id,
        "successful": task.successful,
        "attempt": task.current_attempt,
        "index": task.index,
        "metadata": sorted((each.name, each.value) for each in task.metadata),
        "stdout": task.stdout,
        "stderr": task.stderr,
        "earlier": [{"stdout": attempt.stdout, "stderr": attempt.stderr} for attempt in earlier],
        "artifacts": {each.id: value_of(each) for each in task.artifacts if not each.id.startswith("_")},
    }


def value_of(artifact: metaflow.DataArtifact) -> object:
    value = artifact.data
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return repr(value)
    return value


if __name__ == "__main__":
    main()
