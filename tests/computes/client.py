"""Prints what Metaflow's Client says of flows, as JSON: ``python client.py FLOW...``. A run is told by its tag."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import metaflow


def main() -> None:
    import metaflow

    metaflow.namespace(None)
    print(json.dumps({name: flow_of(name) for name in sys.argv[1:]}))


def flow_of(name: str) -> dict[str, Any]:
    import metaflow

    try:
        runs = list(metaflow.Flow(name))
    except metaflow.exception.MetaflowNotFound:
        return {}
    return {environment_of(run): {step.id: task_of(step.task) for step in run} for run in runs}


def environment_of(run: metaflow.Run) -> str:
    tags: set[str] = set(run.tags)
    return next(tag.removeprefix("env:") for tag in tags if tag.startswith("env:"))


def task_of(task: metaflow.Task) -> dict[str, Any]:
    return {
        "successful": task.successful,
        "artifacts": {each.id: each.data for each in task.artifacts if not each.id.startswith("_")},
        "cards": cards_of(task),
        "stdout": task.stdout,
    }


def cards_of(task: metaflow.Task) -> list[str]:
    from metaflow.cards import get_cards
    from metaflow.plugins.cards.exception import CardNotPresentException

    try:
        return [card.get() for card in get_cards(task)]
    except CardNotPresentException:
        return []


if __name__ == "__main__":
    main()
