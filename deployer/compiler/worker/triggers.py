"""What starts the runs of a flow: the ends of other flows' runs and events, as `@trigger_on_finish` and `@trigger` say.

The rules and the names are those of Metaflow's own compiler (`ArgoWorkflows._process_triggers` in
metaflow/plugins/argo/argo_workflows.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from metaflow import current

from ..protocol import ParameterData, Problem, TriggerData
from .metaflow_compat import flow_decorators, triggers_of
from .problems import FlowError, nearest
from .source import Location, Source

DECORATORS = ("trigger", "trigger_on_finish")
_EVENT = re.compile(r"[A-Za-z0-9_.-]+")
_FIELD = re.compile(r"[A-Za-z0-9_]+")


def describe_triggers(flow: Any, source: Source, parameters: list[ParameterData]) -> list[TriggerData]:
    """Each trigger in the form of `deployer.models.flow.Trigger`, by name. Raises FlowError."""
    found: list[TriggerData] = []
    problems: list[Problem] = []
    used = [name for name in DECORATORS if flow_decorators(flow).get(name)]
    if len(used) > 1:
        message = "@trigger and @trigger_on_finish are used together, which Metaflow does not allow"
        hint = "keep one of them; a run cannot say which of the two it was waiting for"
        raise FlowError(Problem("unsupported", message, *source.decorator(used[0]), hint=hint))
    for name in used:
        # Of several the last: Metaflow keeps the one that a mutator overrides.
        decorator = flow_decorators(flow)[name][-1]
        location = source.decorator(name)
        if decorator.attributes.get("options"):
            problems.append(_options(name, location))
        if name == "trigger":
            found += _events(triggers_of(decorator), parameters, location, problems)
        else:
            found += _ends(triggers_of(decorator), location, problems)
    problems += _twice(found, used, source)
    if problems:
        raise FlowError(*problems)
    return sorted(found, key=lambda trigger: trigger["name"])


def _options(name: str, location: Location) -> Problem:
    message = (
        f"@{name}: options (reset_at) are not supported: Airflow keeps events that wait for others without a limit"
    )
    return Problem("unsupported", message, *location, hint="remove it")


def _ends(triggers: list[Mapping[str, Any]], location: Location, problems: list[Problem]) -> Iterator[TriggerData]:
    for trigger in triggers:
        project = trigger.get("project") or current.get("project_name")
        branch = trigger.get("branch") or current.get("branch_name")
        if bool(project) != bool(branch):
            message = f"@trigger_on_finish: {trigger['flow']} has a project or a branch, and needs both"
            hint = "give project and project_branch, or write PROJECT.BRANCH.FLOW"
            problems.append(Problem("bad-trigger", message, *location, hint=hint))
            continue
        whole = ".".join(filter(None, (project, branch, trigger["flow"])))
        yield {
            "kind": "run",
            "name": f"metaflow.{whole}.end",
            "flow": trigger["flow"],
            "project": project or "",
            "branch": branch or "",
            "parameters": {},
            "line": location[1],
        }


def _events(
    triggers: list[Mapping[str, Any]], parameters: list[ParameterData], location: Location, problems: list[Problem]
) -> Iterator[TriggerData]:
    known = {parameter["name"].lower(): parameter["name"] for parameter in parameters}
    seen: set[str] = set()
    for trigger in triggers:
        name = trigger["name"]
        if not isinstance(name, str) or not _EVENT.fullmatch(name):
            hint = "use letters, digits, underscores, dashes and dots"
            problems.append(
                Problem("bad-trigger", f"@trigger: {name!r} is not the name of an event", *location, hint=hint)
            )
            continue
        mapped: dict[str, str] = {}
        for parameter, field in (trigger.get("parameters") or {}).items():
            what = _mapping_problem(name, parameter, field, known, seen, location)
            if what is not None:
                problems.append(what)
            else:
                seen.add(parameter.lower())
                mapped[known[parameter.lower()]] = field
        if len(triggers) == 1 and not mapped:
            # A single event without a map gives each parameter by its own name.
            mapped = {each["name"]: each["name"] for each in parameters}
        yield {
            "kind": "event",
            "name": name,
            "flow": "",
            "project": "",
            "branch": "",
            "parameters": dict(sorted(mapped.items())),
            "line": location[1],
        }


def _mapping_problem(
    event: str, parameter: str, field: str, known: Mapping[str, str], seen: set[str], location: Location
) -> Problem | None:
    if parameter.lower() not in known:
        hint = nearest(parameter, known.values()) or (
            f"its parameters are {', '.join(known.values())}" if known else "it has none"
        )
        message = f"@trigger: the event {event!r} gives a value to {parameter!r}, and the flow has no such parameter"
        return Problem("bad-trigger", message, *location, hint=hint)
    if parameter.lower() in seen:
        message = f"@trigger: several events, or keys of one, give a value to the parameter {parameter!r}"
        return Problem("bad-trigger", message, *location, hint="map it once")
    if not _FIELD.fullmatch(field):
        message = f"@trigger: the event {event!r} has the key {field!r}, which is not valid"
        return Problem("bad-trigger", message, *location, hint="use letters, digits and underscores")
    return None


def _twice(found: list[TriggerData], used: list[str], source: Source) -> Iterator[Problem]:
    names = [trigger["name"] for trigger in found]
    for name in sorted({name for name in names if names.count(name) > 1}):
        message = f"@{used[0]} names {name.removeprefix('metaflow.').removesuffix('.end')} twice"
        yield Problem("bad-trigger", message, *source.decorator(used[0]), hint="name it once")
