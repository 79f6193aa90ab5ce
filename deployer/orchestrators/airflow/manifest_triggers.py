"""The `triggers:` of a manifest: the same as the decorators of a flow say, by the same rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from deployer.errors import Diagnostic, nearest
from deployer.manifest.keys import TriggerSettings
from deployer.models.deployment import Deployment
from deployer.models.description import event_of_end
from deployer.models.flow import Flow, Trigger

_EVENT: Final = re.compile(r"[A-Za-z0-9_.-]+")
_KEY: Final = re.compile(r"[A-Za-z0-9_]+")
_ONE_OF: Final = ("flow", "dag_id", "event")


def read(deployment: Deployment, flow: Flow) -> Iterator[Trigger]:
    """The triggers of a deployment whose manifest has some. What `problems` finds fault with is left out."""
    written = deployment.triggers or ()
    for each in written:
        if each.event is not None:
            # As Metaflow does: a single event without a map gives each parameter by its own name.
            by_name = len(written) == 1 and not each.parameters
            mapped = {item.name: item.name for item in flow.parameters} if by_name else dict(each.parameters)
            yield Trigger("event", each.event, parameters=dict(sorted(mapped.items())))
        elif each.dag_id is not None:
            yield Trigger("run", event_of_end(deployment.branch_dag_ids.get(each.dag_id, each.dag_id)))
        elif each.flow is not None:
            yield _of_flow(each.flow, flow)


def _of_flow(written: str, flow: Flow) -> Trigger:
    head, _, name = written.rpartition(".")
    project, _, branch = head.partition(".")
    if not head and flow.project:
        project, branch = flow.project.project, flow.project.branch
    whole = ".".join(filter(None, (project, branch, name)))
    return Trigger("run", event_of_end(whole), name, project, branch)


def problems(deployment: Deployment, flow: Flow) -> Iterator[Diagnostic]:
    """What is wrong with the triggers of the manifest, with its place there."""
    names = [trigger.name for trigger in read(deployment, flow)]
    mapped: set[str] = set()
    for number, each in enumerate(deployment.triggers or ()):
        for key, what, hint in _problems(each, flow, mapped):
            yield _diagnose(deployment, number, key, what, hint)
        mapped |= each.parameters.keys()
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield _diagnose(deployment, names.index(name), "", f"{name} is listed twice", "list it once")


def _problems(each: TriggerSettings, flow: Flow, mapped: set[str]) -> Iterator[tuple[str, str, str]]:
    """Key, problem and hint."""
    given = [name for name in _ONE_OF if getattr(each, name) is not None]
    if len(given) != 1:
        found = " and ".join(given) or "none of them"
        yield "", f"expected one of flow, dag_id and event, found {found}", "give each its own item of the list"
    if each.flow is not None and not re.fullmatch(r"(\w+\.[\w.]+\.)?\w+", each.flow):
        yield "flow", f"{each.flow!r} is not the name of a flow", "write the class, or PROJECT.BRANCH.CLASS"
    if each.event is not None and not _EVENT.fullmatch(each.event):
        yield "event", f"{each.event!r} is not the name of an event", "use letters, digits, '_', '-' and '.'"
    if each.parameters and each.event is None:
        yield "parameters", "only an event gives values to parameters", "remove them"
    known = [parameter.name for parameter in flow.parameters]
    for name, key in each.parameters.items():
        if name not in known:
            hint = nearest(name, known) or (f"its parameters are {', '.join(known)}" if known else "it has none")
            yield f"parameters.{name}", f"the flow {flow.name} has no parameter {name!r}", hint
        elif name in mapped:
            yield f"parameters.{name}", f"another event gives a value to {name!r} too", "map it once"
        if not _KEY.fullmatch(key):
            yield f"parameters.{name}", f"{key!r} is not a valid key of a payload", "use letters, digits and '_'"


def _diagnose(deployment: Deployment, number: int, key: str, what: str, hint: str) -> Diagnostic:
    item = f"triggers[{number}]"
    setting = f"{item}.{key}" if key else item
    places = (setting, item, "triggers")
    location = next((deployment.sources[place] for place in places if place in deployment.sources), deployment.location)
    return Diagnostic("bad-trigger", what, location, f"flows.{deployment.name}.{setting}", hint)
