"""What a reviewer must see in a change: runs that start very often, GPUs, and images that nothing else uses."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from pydantic import JsonValue

from deployer.models.description import Description, Schedule
from deployer.models.plan import Change, Mark, MarkWord

OFTEN = 10  # minutes between two runs
# Metaflow takes it for a pod without an image of its own.
_DEFAULT_IMAGE = re.compile(r"python:3\.\d+")
Interval = Callable[[Schedule], int | None]


def marks(change: Change, users: Mapping[str, Collection[str]], interval: Interval) -> Iterator[Mark]:
    """The marks of a change: what it has and what is deployed now has not.

    `users` are the names of the flows that use an image, deployed or planned, by image. `interval` gives the least
    number of minutes between two runs of a schedule.
    """
    after = change.after
    if not change.writes or after is None:
        return
    before = change.before if isinstance(change.before, Description) else None
    yield from _frequent(interval(after.schedule), interval(change.before.schedule) if change.before else None)
    gpus = {name: _gpus(pod) for name, pod in _new_pods(before, after, _gpus)}
    yield from _by_value("gpu", {name: int(amount) if amount.isdigit() else amount for name, amount in gpus.items()})
    images = {name: pod.get("image") for name, pod in _new_pods(before, after, lambda pod: pod.get("image"))}
    known = {pod.get("image") for pod in before.resources.values()} if before else set()
    flow = change.address.rpartition("/")[2]
    yield from _by_value(
        "image", {name: image for name, image in images.items() if image not in known and _is_rare(image, flow, users)}
    )


def images_of(description: Description) -> set[str]:
    """The images of all steps."""
    return {str(pod["image"]) for pod in description.resources.values() if pod.get("image")}


def _frequent(now: int | None, before: int | None) -> Iterator[Mark]:
    if now is not None and now < OFTEN and (before is None or now < before):
        yield Mark("frequent", value=now)


def _new_pods(
    before: Description | None, after: Description, value: Callable[[Mapping[str, Any]], object]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The steps whose pods have another value than in what is deployed."""
    deployed = before.resources if before else {}
    for name, pod in after.resources.items():
        if value(pod) and value(pod) != value(deployed.get(name, {})):
            yield name, pod


def _gpus(pod: Mapping[str, Any]) -> str:
    """The number of GPUs of a pod, also of those that it asks for by the name of the resource; empty for none."""
    extended = pod.get("extended_resources") or {}
    found = [str(pod.get("gpu") or ""), *(str(amount) for name, amount in extended.items() if "gpu" in name.lower())]
    return ", ".join(amount for amount in found if amount not in ("", "0"))


def _is_rare(image: object, flow: str, users: Mapping[str, Collection[str]]) -> bool:
    if _DEFAULT_IMAGE.fullmatch(str(image)):
        return False
    return not {*users.get(str(image), ())} - {flow}


def _by_value(word: MarkWord, values: Mapping[str, JsonValue]) -> Iterator[Mark]:
    """A mark for each distinct value, with the steps that have it."""
    for value in dict.fromkeys(values.values()):
        yield Mark(word, tuple(name for name, each in values.items() if each == value), value)
