"""One deployment in full, as JSON: resolved settings with their sources, parameters, steps, graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import JsonValue

from deployer.description import graph_of
from deployer.description import to_json as described_as_json
from deployer.manifest.fields import names_of, to_json
from deployer.manifest.keys import EnvironmentSettings, FlowSettings
from deployer.models.deployment import Deployment, Environment, Schedule
from deployer.models.flow import KNOWN_AT_APPLY, Flow, Parameter, Step

DEFAULT = "default"
# What has lines of its own below: a value that the flow's code may give, too.
_SHOWN_APART = ("schedule", "retries", "parameters")


def show_to_json(
    deployment: Deployment,
    flow: Flow,
    dag_id: str,
    schedule: Schedule | None,
    next_runs: Sequence[str] = (),
) -> dict[str, Any]:
    """Everything as JSON values. A setting's `source` is ``file:line``, or ``default`` for mfdeploy's own."""
    return {
        "address": deployment.address,
        "project": deployment.environment.project,
        "flow": flow.name,
        "file": flow.file,
        "environment": {
            "name": deployment.environment.name,
            "source": str(deployment.environment.location),
            "settings": [
                {"name": path, "value": value, "source": _environment_source(deployment, path)}
                for path, value in _environment_settings(deployment.environment)
            ],
        },
        "dag_id": dag_id,
        "next_runs": list(next_runs),
        "settings": [
            {"name": name, "value": value, "source": source}
            for name, value, source in _settings(deployment, flow, dag_id, schedule)
        ],
        "parameters": [_parameter(each, deployment, flow) for each in flow.parameters],
        "steps": [_step(each) for each in flow.steps],
        "graph": described_as_json(graph_of(flow)),
    }


ShownSetting = tuple[str, JsonValue, str]


def _environment_settings(environment: Environment) -> Iterator[tuple[str, JsonValue]]:
    for name, key in names_of(EnvironmentSettings).items():
        yield from _flatten(key, to_json(getattr(environment, name)))
    yield from _flatten("kubernetes", environment.kubernetes.written())
    if environment.check_cluster:
        yield "kubernetes.check", True
    if environment.check_context is not None:
        yield "kubernetes.check_context", environment.check_context


def _settings(deployment: Deployment, flow: Flow, dag_id: str, schedule: Schedule | None) -> Iterator[ShownSetting]:
    yield "file", deployment.file.written, _source(deployment, "file")
    yield "dag_id", dag_id, _source(deployment, "dag_id") if deployment.dag_id else DEFAULT
    yield from _schedule(deployment, flow, schedule)
    yield from _retries(deployment)
    for name, key in names_of(FlowSettings).items():
        if name not in _SHOWN_APART:
            for path, value in _flatten(key, to_json(getattr(deployment, name))):
                yield path, value, _source(deployment, path)


def _flatten(path: str, value: JsonValue) -> Iterator[tuple[str, JsonValue]]:
    """One setting for each leaf of a map; none for an empty one."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _flatten(f"{path}.{key}", item)
    else:
        yield path, value


def _schedule(deployment: Deployment, flow: Flow, schedule: Schedule | None) -> Iterator[ShownSetting]:
    if deployment.schedule is not None:
        source = _source(deployment, "schedule.cron", "schedule", "schedules")
    elif flow.schedule is not None:
        source = f"{flow.file}:{flow.schedule.line}"
    else:
        source = DEFAULT
    yield "schedule.cron", schedule.cron if schedule else None, source
    if schedule and schedule.cron:
        yield "schedule.timezone", schedule.timezone, _source(deployment, "schedule.timezone", default=source)


def _retries(deployment: Deployment) -> Iterator[ShownSetting]:
    retries = deployment.retries
    yield "retries.times", retries.times if retries else None, _source(deployment, "retries.times")
    if retries:
        yield "retries.minutes_between", retries.minutes_between, _source(deployment, "retries.minutes_between")


def _source(deployment: Deployment, *paths: str, default: str = DEFAULT) -> str:
    """Where the first of `paths` that was written was: itself, or the mapping that holds it."""
    for path in paths:
        while path:
            if path in deployment.sources:
                return str(deployment.sources[path])
            path = path.rpartition(".")[0]
    return default


def _environment_source(deployment: Deployment, path: str) -> str:
    # Metaflow's settings may come from a profile that the environment names: they have no line of their own.
    default = str(deployment.environment.location) if path.startswith("metaflow.") else DEFAULT
    return _source(deployment, path, default=default)


def _parameter(parameter: Parameter, deployment: Deployment, flow: Flow) -> dict[str, Any]:
    overridden = parameter.name in deployment.parameters
    path = f"parameters.{parameter.name}"
    value = KNOWN_AT_APPLY if parameter.deploy_time else parameter.default
    return {
        "name": parameter.name,
        "type": parameter.type,
        "required": parameter.required,
        "default": _plain(deployment.parameters[parameter.name] if overridden else value),
        "help": parameter.help,
        "source": _source(deployment, path) if overridden else f"{flow.file}:{parameter.line}",
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "name": step.name,
        "kind": step.kind,
        "line": step.line,
        "retries": {
            "times": step.retries.times,
            "minutes_between": step.retries.minutes_between,
            "fallback": step.retries.fallback,
        },
        "timeout_seconds": step.timeout_seconds,
        "decorators": [each.name for each in step.decorators],
        "resources": {key: _plain(value) for key, value in step.pod.items() if value not in (None, "", [], {}, ())},
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
