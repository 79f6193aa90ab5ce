"""What starts a DAG beside its schedule: the ends of other DAGs' runs, and events. Both are assets of Airflow.

Airflow 2 calls assets datasets. The name of a flow's end carries the DAG id, since Metaflow's own name is that of the
flow alone: one environment would start another in an Airflow that they share. Of a flow with `@project` it is
Metaflow's, which has the branch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from deployer.errors import Diagnostic
from deployer.models.deployment import Deployment
from deployer.models.description import event_of_end
from deployer.models.flow import Flow, Parameter, Trigger
from deployer.models.flow_location import flow_location
from deployer.orchestrators.airflow import manifest_triggers
from deployer.orchestrators.airflow.assets import EVENT_KEY, asset_of_event
from deployer.orchestrators.airflow.names import dag_id as name_of
from deployer.orchestrators.airflow.names import default_dag_id


def published_event(deployment: Deployment, flow: Flow) -> str:
    """The event of the end of a run, and the name of its asset."""
    return event_of_end(flow.project.flow if flow.project else name_of(deployment, flow))


def resolved(deployment: Deployment, flow: Flow) -> Flow:
    """The flow with what it waits for: what the manifest says, else the code, by the names in its environment."""
    if deployment.triggers is not None:
        flow = replace(flow, triggers=tuple(manifest_triggers.read(deployment, flow)))
    if not flow.triggers:
        return flow
    found = [replace(trigger, name=_event_of(deployment, trigger)) for trigger in flow.triggers]
    return replace(flow, triggers=tuple(sorted(found, key=lambda trigger: trigger.name)))


def _event_of(deployment: Deployment, trigger: Trigger) -> str:
    if trigger.kind == "event" or trigger.project or not trigger.flow:
        return trigger.name
    written = deployment.flow_dag_ids.get(trigger.flow)
    return event_of_end(written or default_dag_id(deployment, trigger.flow))


def asset_of(flow: Flow, trigger: Trigger) -> str:
    """The asset that a DAG waits for."""
    return asset_of_event(trigger.name, alone=trigger.kind == "run" or len(flow.triggers) == 1)


def given_parameters(flow: Flow) -> Mapping[str, Parameter]:
    """The parameters that the payload of an event may give a value to."""
    mapped = {name for trigger in flow.triggers for name in trigger.parameters}
    return {parameter.name: parameter for parameter in flow.parameters if parameter.name in mapped}


def triggers_table(flow: Flow) -> dict[str, dict[str, object]]:
    """What the DAG file knows of each asset that it waits for: the event, its type, and its parameters by name."""
    return {asset_of(flow, trigger): dict(_row(trigger)) for trigger in flow.triggers}


def _row(trigger: Trigger) -> Iterator[tuple[str, object]]:
    yield "name", trigger.name
    yield "type", trigger.kind
    if trigger.parameters:
        yield "parameters", dict(trigger.parameters)


def payload_table(deployment: Deployment, flow: Flow) -> dict[str, dict[str, object]]:
    """What the DAG file knows of each parameter that an event gives a value to."""
    return {name: dict(_payload_row(deployment, each)) for name, each in given_parameters(flow).items()}


def _payload_row(deployment: Deployment, parameter: Parameter) -> Iterator[tuple[str, object]]:
    yield "type", "string" if parameter.type == "file" else parameter.type
    if parameter.separator:
        yield "separated", True
    if parameter.required and deployment.parameters.get(parameter.name) is None:
        yield "needs_value", True


def problems(deployment: Deployment, flow: Flow) -> Iterator[Diagnostic]:
    """Why Airflow cannot run what the triggers say."""
    if flow.triggers and any(parameter.name == EVENT_KEY for parameter in flow.parameters):
        message = f"the parameter {EVENT_KEY!r} of {flow.name} is named as the key that holds the event of a run"
        yield Diagnostic("unsupported", message, flow_location(deployment, flow.line), hint="give it another name")
    yield from manifest_triggers.problems(deployment, flow)
