"""Prints what Metaflow's Client says of flows, as JSON: ``python client.py FLOW...``. A run is told by its tag."""

import json
import sys


def main():
    import metaflow

    metaflow.namespace(None)
    print(json.dumps({name: flow_of(metaflow, name) for name in sys.argv[1:]}))


def flow_of(metaflow, name):
    try:
        runs = list(metaflow.Flow(name))
    except metaflow.exception.MetaflowNotFound:
        return {}
    return {environment_of(run): {step.id: task_of(step.task) for step in run} for run in runs}


def environment_of(run):
    return next(tag.removeprefix("env:") for tag in run.tags if tag.startswith("env:"))


def task_of(task):
    return {
        "successful": task.successful,
        "artifacts": {each.id: each.data for each in task.artifacts if not each.id.startswith("_")},
        "cards": cards_of(task),
        "stdout": task.stdout,
    }


def cards_of(task):
    from metaflow.cards import get_cards
    from metaflow.plugins.cards.exception import CardNotPresentException

    try:
        return [card.get() for card in get_cards(task)]
    except CardNotPresentException:
        return []


if __name__ == "__main__":
    main()
