"""One deployment in full, as JSON: resolved settings with their sources, parameters, steps, graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from deployer.description import KNOWN_AT_APPLY, graph_of, to_json
from deployer.models.deployment import Deployment, Schedule
from deployer.models.flow import Flow, Parameter, Step
from deployer.views.escape_controls import mask

DEFAULT = "default"
# Name in the manifest, and attribute of the resolved deployment. Schedule, retries and parameters have their own below.
_SETTINGS = (
    ("python", "python"),
    ("branch", "branch"),
    ("max_workers", "max_workers"),
    ("max_active_runs", "max_active_runs"),
    ("catchup", "catchup"),
    ("start_date", "start_date"),
    ("paused", "paused"),
    ("tags", "tags"),
    ("owner", "owner"),
    ("description", "description"),
    ("namespace", "namespace"),
    ("workflow_timeout", "workflow_timeout"),
    ("worker_pool", "worker_pool"),
    ("with", "decorators"),
    ("package_environment", "package_environment"),
    ("package_suffixes", "package_suffixes"),
    ("config_values", "config_values"),
    ("config_files", "config_files"),
    ("kubernetes", "kubernetes"),
    ("steps", "steps"),
)
_ENVIRONMENT = ("target", "compute", "datastore", "production", "protect", "metaflow")


def show_to_json(
    deployment: Deployment,
    flow: Flow,
    dag_id: str,
    schedule: Schedule | None,
    next_runs: Sequence[str] = (),
    secrets: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    """Everything as JSON values. A setting's `source` is ``file:line``, or ``default`` for mfdeploy's own."""
    shown = {
        "address": deployment.address,
        "project": deployment.environment.project,
        "flow": flow.name,
        "file": flow.file,
        "environment": {
            "name": deployment.environment.name,
            "source": str(deployment.environment.location),
            "settings": [
                {"name": path, "value": _plain(value), "source": _environment_source(deployment, path)}
                for name in _ENVIRONMENT
                for path, value in _flatten(name, getattr(deployment.environment, name))
            ],
        },
        "dag_id": dag_id,
        "next_runs": list(next_runs),
        "settings": [
            {"name": name, "value": _plain(value), "source": source}
            for name, value, source in _settings(deployment, flow, dag_id, schedule)
        ],
        "parameters": [_parameter(each, deployment, flow) for each in flow.parameters],
        "steps": [_step(each) for each in flow.steps],
        "graph": to_json(graph_of(flow)),
    }
    masked: dict[str, Any] = mask(shown, secrets)
    return masked


Setting = tuple[str, Any, str]


def _settings(deployment: Deployment, flow: Flow, dag_id: str, schedule: Schedule | None) -> Iterator[Setting]:
    yield "file", deployment.file, _source(deployment, "file")
    yield "dag_id", dag_id, _source(deployment, "dag_id") if deployment.dag_id else DEFAULT
    yield from _schedule(deployment, flow, schedule)
    yield from _retries(deployment)
    for name, attribute in _SETTINGS:
        value = getattr(deployment, attribute)
        for path, leaf in _flatten(name, value):
            yield path, leaf, _source(deployment, path)


def _flatten(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """One setting for each leaf of a mapping; none for an empty one."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flatten(f"{path}.{key}", item)
    else:
        yield path, value


def _schedule(deployment: Deployment, flow: Flow, schedule: Schedule | None) -> Iterator[Setting]:
    if deployment.schedule is not None:
        source = _source(deployment, "schedule.cron", "schedule", "schedules")
    elif flow.schedule is not None:
        source = f"{flow.file}:{flow.schedule.line}"
    else:
        source = DEFAULT
    yield "schedule.cron", schedule.cron if schedule else None, source
    if schedule and schedule.cron:
        yield "schedule.timezone", schedule.timezone, _source(deployment, "schedule.timezone", default=source)


def _retries(deployment: Deployment) -> Iterator[Setting]:
    times, minutes = deployment.retries or (None, None)
    yield "retries.times", times, _source(deployment, "retries.times")
    if deployment.retries:
        yield "retries.minutes_between", minutes, _source(deployment, "retries.minutes_between")


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
    if hasattr(value, "written"):
        return value.written
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
