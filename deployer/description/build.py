"""Builds the description of a deployment from what its manifests and its compiled flow say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

from deployer.models.deployment import Deployment, described_settings
from deployer.models.deployment import Schedule as WrittenSchedule
from deployer.models.description import (
    CodeDescription,
    CronSchedule,
    CronsSchedule,
    Description,
    EventSchedule,
    ExitHooksDescription,
    GraphDescription,
    MetaflowDescription,
    NoSchedule,
    ParameterDescription,
    PayloadDescription,
    RendererDescription,
    RetriesDescription,
    Schedule,
    SensorDescription,
    SettingsDescription,
    StepNode,
    StepSettings,
)
from deployer.models.flow import Flow, Parameter, Step
from deployer.models.placeholders import KNOWN_AT_APPLY
from deployer.models.plain_data import plain, plain_map

# Part of the section `metaflow` and of the code: an upgrade must not show as a change of settings.
_NOT_SETTINGS = {"METAFLOW_VERSION"}
# The option of a step that the section `retries` describes.
_RETRY_OPTION = "--with=retry:"
# Flow decorators that a section of their own or the DAG id describes.
_NOT_DECORATORS = {"schedule", "project"}


def describe(
    deployment: Deployment,
    flow: Flow,
    schedule: WrittenSchedule | None,
    renderer_version: int,
    runtime_digest: str,
    name: str = "",
) -> Description:
    """The canonical description of one flow in one environment. `name` is that of the deployment, where it is known."""
    return Description(
        code=CodeDescription(flow=flow.name, file=deployment.file.written, files=dict(flow.code.files)),
        graph=graph_of(flow),
        schedule=_schedule(deployment, flow, schedule),
        parameters={item.name: _parameter(item, deployment) for item in flow.parameters},
        retries={step.name: _retries(step) for step in flow.steps},
        resources={
            step.name: plain_map({**step.pod, **deployment.pod_handling(step.name)}) for step in flow.steps if step.pod
        },
        settings=_settings(deployment, flow, name),
        metaflow=MetaflowDescription(version=flow.code.metaflow_version, digest=flow.code.metaflow_digest),
        renderer=RendererDescription(version=renderer_version, runtime=runtime_digest),
    )


def graph_of(flow: Flow) -> GraphDescription:
    """The graph of a flow."""
    return GraphDescription(start=flow.start, end=flow.end, steps={step.name: _node(step) for step in flow.steps})


def _node(step: Step) -> StepNode:
    optional = {
        "foreach_over": step.foreach_over,
        "joins": step.joins,
        "condition": step.condition,
        "cases": dict(step.cases),
    }
    return StepNode.model_validate({"kind": step.kind, "next": step.next, **_without_empty(optional)})


def _schedule(deployment: Deployment, flow: Flow, schedule: WrittenSchedule | None) -> Schedule:
    times: dict[str, Any] = {}
    crons = schedule.crons if schedule is not None else ()
    if schedule is not None and crons:
        times = {
            **({"cron": crons[0]} if len(crons) == 1 else {"crons": crons}),
            "timezone": schedule.timezone,
            "catchup": deployment.catchup,
            "start_date": deployment.start_date,
        }
    if flow.triggers:
        return EventSchedule(kind="events", **_events(flow), **times)
    if not times:
        return NoSchedule(kind="none")
    return CronSchedule(kind="cron", **times) if "cron" in times else CronsSchedule(kind="crons", **times)


def _events(flow: Flow) -> dict[str, Any]:
    """What the flow waits for; in another order it is the same."""
    payload = {
        parameter: PayloadDescription(event=trigger.name, key=key)
        for trigger in flow.triggers
        for parameter, key in trigger.parameters.items()
    }
    found = {
        "after": tuple(sorted(trigger.name for trigger in flow.triggers if trigger.kind == "run")),
        "events": tuple(sorted(trigger.name for trigger in flow.triggers if trigger.kind == "event")),
        "payload": dict(sorted(payload.items())),
    }
    return _without_empty(found)


def _parameter(parameter: Parameter, deployment: Deployment) -> ParameterDescription:
    described: dict[str, Any] = {"type": parameter.type, "required": parameter.required, "help": parameter.help}
    if parameter.separator is not None:
        described["separator"] = parameter.separator
    if parameter.name in deployment.parameters:
        described["default"] = plain(deployment.parameters[parameter.name])
    elif parameter.deploy_time:
        described["default"] = KNOWN_AT_APPLY
    elif not parameter.required:
        described["default"] = plain(parameter.default)
    return ParameterDescription.model_validate(described)


def _retries(step: Step) -> RetriesDescription:
    return RetriesDescription(
        times=step.retries.times,
        # Without a retry the wait between retries decides nothing.
        minutes_between=step.retries.minutes_between if step.retries.times + step.retries.fallback else 0,
        fallback=step.retries.fallback,
    )


def _settings(deployment: Deployment, flow: Flow, name: str) -> SettingsDescription:
    variables = {name: value for name, value in flow.environment.items() if name not in _NOT_SETTINGS}
    described = {
        "cluster": deployment.environment.kubernetes.written(),
        "variables": dict(sorted(variables.items())),
        "configs": plain_map(flow.configs),
        "steps": {step.name: _step_settings(step) for step in flow.steps},
        # Nothing where there are none, as in records of the time before flow decorators were described.
        **_without_empty({"sensors": _sensors(flow), "decorators": _decorators(flow)}),
        **_without_empty({"exit_hooks": _hooks(flow)}),
        **_without_empty({"publishes_as": _publishes_as(flow, name), "publishes_events": flow.code.publishes_events}),
        **described_settings(deployment),
    }
    return SettingsDescription.model_validate(described)


def _publishes_as(flow: Flow, name: str) -> str | None:
    """Metaflow's name of a flow with `@project`, where a manifest gave the deployment another one."""
    return flow.project.flow if flow.project and name not in ("", flow.project.flow) else None


def _sensors(flow: Flow) -> dict[str, SensorDescription]:
    return {
        sensor.name: SensorDescription.model_validate({"kind": sensor.kind, **plain_map(sensor.arguments)})
        for sensor in flow.sensors
    }


def _hooks(flow: Flow) -> ExitHooksDescription | None:
    if not flow.hooks:
        return None
    images: dict[str, dict[str, str]] = {}
    for hook in flow.hooks:
        if hook.image:
            images.setdefault(hook.on, {})[hook.function] = hook.image
    found = {f"on_{on}": [hook.function for hook in flow.hooks if hook.on == on] for on in ("success", "error")}
    return ExitHooksDescription.model_validate(_without_empty({**found, "images": images}))


def _decorators(flow: Flow) -> dict[str, JsonValue]:
    """The attributes of each flow decorator; a list of them where one is used several times."""
    found: dict[str, list[JsonValue]] = {}
    for decorator in flow.decorators:
        if decorator.name not in _NOT_DECORATORS:
            found.setdefault(decorator.name, []).append(plain(decorator.attributes))
    return {name: each[0] if len(each) == 1 else each for name, each in found.items()}


def _step_settings(step: Step) -> StepSettings:
    settings = {
        "environment": dict(step.environment),
        "timeout_seconds": step.timeout_seconds,
        "options": [option for option in step.options if not option.startswith(_RETRY_OPTION)],
        "packages": plain_map(step.packages),
    }
    return StepSettings.model_validate(_without_empty(settings))


def _without_empty(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value}
