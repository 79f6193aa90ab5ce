"""Prints what Metaflow's Client says of the runs of some flows, as JSON: ``python client.py FLOW...``.

A program of its own, since Metaflow reads where its datastore is when it is imported.
"""

import json
import sys
from datetime import datetime


def main():
    import metaflow

    metaflow.namespace(None)
    flows = {name: [run_of(run) for run in sorted(metaflow.Flow(name), key=created)] for name in sys.argv[1:]}
    print(json.dumps(flows, default=str))


def created(run) -> datetime:
    return run.created_at


def run_of(run) -> dict:
    return {
        "id": run.id,
        "finished": run.finished,
        "successful": run.successful,
        "tags": sorted(run.tags),
        "user_tags": sorted(run.user_tags),
        "steps": {step.id: [task_of(task) for task in sorted(step, key=created)] for step in run},
    }


def task_of(task) -> dict:
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


def value_of(artifact):
    value = artifact.data
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return repr(value)
    return value


if __name__ == "__main__":
    main()
