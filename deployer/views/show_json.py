"""One deployment as JSON: its resolved settings with their sources, its parameters, steps and graph."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypedDict, cast

from pydantic import JsonValue

from deployer.description import graph_of
from deployer.description import to_json as described_as_json
from deployer.manifest.fields import names_of, to_json
from deployer.manifest.keys import EnvironmentSettings, FlowSettings
from deployer.models.deployment import Deployment, Environment, Schedule
from deployer.models.flow import Flow, Parameter, ParameterType, Step, StepKind
from deployer.models.placeholders import KNOWN_AT_APPLY
from deployer.models.site import SiteStart
from deployer.views.graph import Graph

DEFAULT = "default"
# Settings that the flow's code may also give: each has its own function below.
_SHOWN_APART = ("schedule", "triggers", "retries", "parameters")


class SettingJson(TypedDict):
    """A setting by its dotted path. `source` is ``file:line``, or ``default`` for a default of mfdeploy."""

    name: str
    value: JsonValue
    source: str


class EnvironmentJson(TypedDict):
    """The environment of the deployment."""

    name: str
    source: str
    settings: list[SettingJson]


class ParameterJson(TypedDict):
    """A parameter of the flow, with the default that the deployment has."""

    name: str
    type: ParameterType
    required: bool
    default: JsonValue
    help: str
    source: str


class RetriesJson(TypedDict):
    """`Retries` of a compiled step."""

    times: int
    minutes_between: float
    fallback: int


class StepJson(TypedDict):
    """A step. `decorators` are names, `resources` the attributes of its pod that are set."""

    name: str
    kind: StepKind
    line: int
    retries: RetriesJson
    timeout_seconds: int | None
    decorators: list[str]
    resources: dict[str, JsonValue]


class StartJson(TypedDict):
    """An event, and the deployment that publishes it or starts by it; null where none is known."""

    event: str
    address: str | None


class DeploymentJson(TypedDict):
    """One deployment. `next_runs` are ISO 8601 times; `started_by` and `starts` are null where nobody asked."""

    address: str
    project: str
    flow: str
    file: str
    environment: EnvironmentJson
    dag_id: str
    next_runs: list[str]
    started_by: list[StartJson] | None
    starts: list[StartJson] | None
    settings: list[SettingJson]
    parameters: list[ParameterJson]
    steps: list[StepJson]
    graph: Graph


def show_to_json(
    deployment: Deployment,
    flow: Flow,
    dag_id: str,
    schedule: Schedule | None,
    next_runs: Sequence[str] = (),
    started_by: Sequence[SiteStart] | None = None,
    starts: Sequence[SiteStart] | None = None,
) -> DeploymentJson:
    """The deployment as JSON values. `schedule` is the one in effect, from the manifests or the flow's code."""
    return {
        "address": deployment.address,
        "project": deployment.environment.project,
        "flow": flow.name,
        "file": flow.file,
        "environment": {
            "name": deployment.environment.name,
            "source": str(deployment.environment.location),
            "settings": [
                {"name": name, "value": value, "source": _environment_source(deployment, name)}
                for name, value in _environment_settings(deployment.environment)
            ],
        },
        "dag_id": dag_id,
        "next_runs": list(next_runs),
        "started_by": _starts(started_by),
        "starts": _starts(starts),
        "settings": list(_settings(deployment, flow, dag_id, schedule)),
        "parameters": [_parameter(each, deployment, flow) for each in flow.parameters],
        "steps": [_step(each) for each in flow.steps],
        "graph": cast(Graph, described_as_json(graph_of(flow))),
    }


def _starts(found: Sequence[SiteStart] | None) -> list[StartJson] | None:
    return None if found is None else [{"event": each.event, "address": each.address} for each in found]


def _environment_settings(environment: Environment) -> Iterator[tuple[str, JsonValue]]:
    for name, key in names_of(EnvironmentSettings).items():
        yield from _flatten(key, to_json(getattr(environment, name)))
    yield from _flatten("kubernetes", environment.kubernetes.written())
    if environment.check_cluster:
        yield "kubernetes.check", True
    if environment.check_context is not None:
        yield "kubernetes.check_context", environment.check_context.written


def _settings(deployment: Deployment, flow: Flow, dag_id: str, schedule: Schedule | None) -> Iterator[SettingJson]:
    yield _setting("file", deployment.file.written, _source(deployment, "file"))
    yield _setting("dag_id", dag_id, _source(deployment, "dag_id") if deployment.dag_id else DEFAULT)
    yield from _schedule(deployment, flow, schedule)
    yield from _triggers(deployment, flow)
    yield from _hooks(flow)
    yield from _retries(deployment)
    for name, key in names_of(FlowSettings).items():
        if name not in _SHOWN_APART:
            for path, value in _flatten(key, to_json(getattr(deployment, name))):
                yield _setting(path, value, _source(deployment, path))


def _setting(name: str, value: JsonValue, source: str) -> SettingJson:
    return {"name": name, "value": value, "source": source}


def _flatten(path: str, value: JsonValue) -> Iterator[tuple[str, JsonValue]]:
    """One setting for each leaf of a map; none for an empty one."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _flatten(f"{path}.{key}", item)
    else:
        yield path, value


def _schedule(deployment: Deployment, flow: Flow, schedule: Schedule | None) -> Iterator[SettingJson]:
    if deployment.schedule is not None:
        source = _source(deployment, "schedule.cron", "schedule", "schedules")
    elif flow.schedule is not None:
        source = f"{flow.file}:{flow.schedule.line}"
    else:
        source = DEFAULT
    yield _setting("schedule.cron", to_json(schedule.cron) if schedule else None, source)
    if schedule and schedule.crons:
        zone_source = _source(deployment, "schedule.timezone", default=source)
        yield _setting("schedule.timezone", schedule.timezone, zone_source)


def _triggers(deployment: Deployment, flow: Flow) -> Iterator[SettingJson]:
    """What a run waits for, as a manifest would say it; of the code by the names of the events."""
    if deployment.triggers is not None:
        yield _setting("triggers", to_json(deployment.triggers), _source(deployment, "triggers", "schedules"))
    elif flow.triggers:
        found: list[JsonValue] = [
            {"event": each.name, **({"parameters": dict(each.parameters)} if each.parameters else {})}
            for each in flow.triggers
        ]
        yield _setting("triggers", found, f"{flow.file}:{flow.triggers[0].line}")


def _hooks(flow: Flow) -> Iterator[SettingJson]:
    """The functions of `@exit_hook`, by how a run ended."""
    for on in ("success", "error"):
        hooks = [hook for hook in flow.hooks if hook.on == on]
        if hooks:
            functions: list[JsonValue] = [
                f"{hook.function} in {hook.image}" if hook.image else hook.function for hook in hooks
            ]
            yield _setting(f"exit_hooks.on_{on}", functions, f"{flow.file}:{hooks[0].line}")


def _retries(deployment: Deployment) -> Iterator[SettingJson]:
    retries = deployment.retries
    yield _setting("retries.times", retries.times if retries else None, _source(deployment, "retries.times"))
    if retries:
        source = _source(deployment, "retries.minutes_between")
        yield _setting("retries.minutes_between", retries.minutes_between, source)


def _source(deployment: Deployment, *paths: str, default: str = DEFAULT) -> str:
    """The location of the first of `paths` that is written in a manifest, itself or a map that contains it."""
    for path in paths:
        while path:
            if path in deployment.sources:
                return str(deployment.sources[path])
            path = path.rpartition(".")[0]
    return default


def _environment_source(deployment: Deployment, path: str) -> str:
    # A Metaflow setting may come from the environment's profile, and has no line of its own then.
    default = str(deployment.environment.location) if path.startswith("metaflow.") else DEFAULT
    return _source(deployment, path, default=default)


def _parameter(parameter: Parameter, deployment: Deployment, flow: Flow) -> ParameterJson:
    overridden = parameter.name in deployment.parameters
    path = f"parameters.{parameter.name}"
    value = KNOWN_AT_APPLY if parameter.deploy_time else parameter.default
    return {
        "name": parameter.name,
        "type": parameter.type,
        "required": parameter.required,
        "default": to_json(deployment.parameters[parameter.name] if overridden else value),
        "help": parameter.help,
        "source": _source(deployment, path) if overridden else f"{flow.file}:{parameter.line}",
    }


def _step(step: Step) -> StepJson:
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
        "resources": {key: to_json(value) for key, value in step.pod.items() if value not in (None, "", [], {}, ())},
    }
