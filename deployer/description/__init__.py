"""The canonical description of a deployment: what decides it, and nothing else.

Two descriptions are equal exactly when the same thing would be deployed. Nothing in one depends on who plans,
when, on which machine or in which folder; paths are as the manifests write them. Its sections are the words that a plan
explains with.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from deployer.models.deployment import Deployment, Schedule, described_settings
from deployer.models.flow import Flow, Parameter, Step
from deployer.models.plan import FieldChange, FileChanges, Reason, ReasonWord

KNOWN_AT_APPLY = "(known at apply)"

_WORDS: Mapping[str, ReasonWord] = {
    "code": "code",
    "graph": "graph",
    "schedule": "schedule",
    "parameters": "parameters",
    "retries": "retries",
    "resources": "resources",
    "settings": "settings",
    "metaflow": "metaflow version",
    "renderer": "renderer version",
}
# Told by the section of Metaflow itself, and by the code: an upgrade must not show as a change of settings.
_NOT_SETTINGS = {"METAFLOW_VERSION"}
# The option of a step that the section of retries tells.
_TOLD_BY_RETRIES = "--with=retry:"
# How the task is told of a decorator that its code does not have; that of pods is no user's.
_WITH = "--with="
_TOLD_BY_POD = "--with=kubernetes"
# A schedule of which the manifest says no more than when.
_UNSAID: Mapping[str, Any] = {"timezone": "UTC", "catchup": False, "start_date": None}
# Flow decorators that a section or the DAG id tells.
_TOLD_ELSEWHERE = {"schedule", "project"}


def describe(
    deployment: Deployment, flow: Flow, schedule: Schedule | None, renderer_version: int, runtime_digest: str
) -> dict[str, Any]:
    """The canonical description (JSON values) of one flow in one environment."""
    return {
        "code": {"flow": flow.name, "file": deployment.file.written, "files": dict(flow.code.files)},
        "graph": graph_of(flow),
        "schedule": _schedule(deployment, schedule),
        "parameters": {item.name: _parameter(item, deployment) for item in flow.parameters},
        "retries": {step.name: _retries(step) for step in flow.steps},
        "resources": {step.name: _plain(step.pod) for step in flow.steps if step.pod},
        "settings": _settings(deployment, flow),
        "metaflow": {"version": flow.code.metaflow_version, "digest": flow.code.metaflow_digest},
        "renderer": {"version": renderer_version, "runtime": runtime_digest},
    }


def graph_of(flow: Flow) -> dict[str, Any]:
    """``{"start": name, "end": name, "steps": {name: {"kind", "next", "foreach_over"?, "joins"?, ...}}}``."""
    return {"start": flow.start, "end": flow.end, "steps": {step.name: _node(step) for step in flow.steps}}


def explain(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Reason]:
    """Why `after` is not `before`: one reason for each section that differs, none when they are equal."""
    reasons: list[Reason] = []
    for section, word in _WORDS.items():
        old, new = before.get(section), after.get(section)
        if old == new:
            continue
        if section == "code":
            reasons += _explain_code(old or {}, new or {})
        else:
            fields = tuple(_fields(section, old, new, _shared_steps(before, after)))
            # Steps that come or go are told by the graph; where that is all, the section has nothing to add.
            if fields:
                reasons.append(Reason(word, fields))
    for section in sorted(set(before) - set(_WORDS)):
        reasons.append(Reason("renderer version", (FieldChange(section, before[section], after.get(section)),)))
    return reasons


def _node(step: Step) -> dict[str, Any]:
    node: dict[str, Any] = {"kind": step.kind, "next": list(step.next)}
    optional = {
        "foreach_over": step.foreach_over,
        "joins": step.joins,
        "condition": step.condition,
        "cases": dict(step.cases),
    }
    return node | {key: value for key, value in optional.items() if value}


def _schedule(deployment: Deployment, schedule: Schedule | None) -> dict[str, Any]:
    if schedule is None or schedule.cron is None:
        return {"cron": None}
    return {
        "cron": schedule.cron,
        "timezone": schedule.timezone,
        "catchup": deployment.catchup,
        "start_date": deployment.start_date,
    }


def _parameter(parameter: Parameter, deployment: Deployment) -> dict[str, Any]:
    described: dict[str, Any] = {"type": parameter.type, "required": parameter.required, "help": parameter.help}
    if parameter.separator is not None:
        described["separator"] = parameter.separator
    if parameter.name in deployment.parameters:
        described["default"] = _plain(deployment.parameters[parameter.name])
    elif parameter.deploy_time:
        described["default"] = KNOWN_AT_APPLY
    elif not parameter.required:
        described["default"] = _plain(parameter.default)
    return described


def _retries(step: Step) -> dict[str, Any]:
    return {
        "times": step.retries.times,
        # Without a retry the wait between retries decides nothing.
        "minutes_between": step.retries.minutes_between if step.retries.times + step.retries.fallback else 0,
        "fallback": step.retries.fallback,
    }


def _settings(deployment: Deployment, flow: Flow) -> dict[str, Any]:
    environment = deployment.environment
    variables = {name: value for name, value in flow.environment.items() if name not in _NOT_SETTINGS}
    return {
        **_of_flow_decorators(flow),
        **described_settings(deployment),
        "configs": _plain(flow.configs),
        "cluster": environment.kubernetes.written(),
        "variables": dict(sorted(variables.items())),
        "steps": {step.name: _step_settings(step) for step in flow.steps},
    }


def _of_flow_decorators(flow: Flow) -> dict[str, Any]:
    """What the flow's decorators decide; nothing where there are none, as in records that were made before this."""
    sensors = {sensor.name: {"kind": sensor.kind, **_plain(sensor.arguments)} for sensor in flow.sensors}
    decorators: dict[str, list[Any]] = {}
    for decorator in flow.decorators:
        if decorator.name not in _TOLD_ELSEWHERE:
            decorators.setdefault(decorator.name, []).append(_plain(decorator.attributes))
    told = {name: found[0] if len(found) == 1 else found for name, found in decorators.items()}
    return {**({"sensors": sensors} if sensors else {}), **({"decorators": told} if told else {})}


def _step_settings(step: Step) -> dict[str, Any]:
    settings = {
        "environment": dict(step.environment),
        "timeout_seconds": step.timeout_seconds,
        "options": [option for option in step.options if not option.startswith(_TOLD_BY_RETRIES)],
        "packages": _plain(step.packages),
    }
    return {key: value for key, value in settings.items() if value}


def _plain(value: Any) -> Any:
    """`value` with mappings as dicts and sequences as lists, as it comes back from JSON or from a record."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _fields(section: str, old: Any, new: Any, shared: set[str]) -> Iterator[FieldChange]:
    """The differing fields of a section, in the words of the manifest."""
    if section == "schedule":
        # A schedule that comes or goes says nothing of what is as it would be without a word.
        old, new = ({**_UNSAID, **value} if isinstance(value, Mapping) else value for value in (old, new))
    if section == "settings" and isinstance(old, Mapping) and isinstance(new, Mapping):
        before, after = _added_decorators(old, shared), _added_decorators(new, shared)
        told = {f"{_WITH}{spec}" for spec in {*before} ^ {*after}}
        if told:
            yield FieldChange("settings.with", before or None, after or None)
            old, new = (_without_options(settings, told) for settings in (old, new))
    yield from _differences(section, old, new, shared)


def _added_decorators(settings: Mapping[str, Any], shared: set[str]) -> list[str]:
    """The decorators that `with:` gives to any of these steps: none where all have their own."""
    found = [option for step, options in sorted(_options(settings)) if step in shared for option in options]
    added = (option for option in found if option.startswith(_WITH) and not option.startswith(_TOLD_BY_POD))
    return list(dict.fromkeys(option[len(_WITH) :] for option in added))


def _without_options(settings: Mapping[str, Any], told: set[str]) -> Mapping[str, Any]:
    steps = dict(settings["steps"]) if isinstance(settings.get("steps"), Mapping) else {}
    for name, options in _options(settings):
        steps[name] = {**steps[name], "options": [option for option in options if option not in told]}
    return {**settings, "steps": steps}


def _options(settings: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """The options of each step's task; none of what somebody made of a record by hand."""
    steps = settings.get("steps")
    for name, step in steps.items() if isinstance(steps, Mapping) else ():
        options = step.get("options") if isinstance(step, Mapping) else None
        if isinstance(options, list) and all(isinstance(option, str) for option in options):
            yield name, options


def _shared_steps(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    return set(before.get("graph", {}).get("steps", ())) & set(after.get("graph", {}).get("steps", ()))


def _explain_code(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Reason]:
    if old.get("file") != new.get("file"):
        yield Reason("moved", (FieldChange("code.file", old.get("file"), new.get("file")),))
    before, after = old.get("files", {}), new.get("files", {})
    files = FileChanges(
        added=tuple(sorted(set(after) - set(before))),
        removed=tuple(sorted(set(before) - set(after))),
        changed=tuple(sorted(name for name in set(before) & set(after) if before[name] != after[name])),
    )
    named = (FieldChange("code.flow", old.get("flow"), new.get("flow")),) if old.get("flow") != new.get("flow") else ()
    if named or before != after:
        yield Reason("code", named, files)


def _differences(path: str, old: Any, new: Any, shared: set[str]) -> Iterator[FieldChange]:
    """The smallest differing fields below `path`; of settings by step only those of steps that were and are there."""
    if old == new:
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        by_step = path in ("retries", "resources", "settings.steps")
        for key in sorted(set(old) | set(new)):
            if not by_step or key in shared:
                yield from _differences(f"{path}.{key}", old.get(key), new.get(key), shared)
    else:
        yield FieldChange(path, old, new)
