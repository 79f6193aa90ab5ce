"""Finds what Airflow cannot run, or mfdeploy does not support yet, before anything is built."""

from __future__ import annotations

from collections.abc import Iterator

from deployer.errors import Diagnostic, Severity
from deployer.kubernetes import pods
from deployer.models import credentials
from deployer.models.deployment import Deployment
from deployer.models.flow import Flow, Step
from deployer.models.flow_location import flow_location
from deployer.models.plain_data import is_encodable
from deployer.orchestrators.airflow import (
    events,
    first_versions,
    name_limits,
    parameters,
    sensors,
    tasks,
    with_credentials,
)
from deployer.orchestrators.airflow.names import dag_id
from deployer.orchestrators.airflow.schedule import find_numbered_days, find_problem

_MAX_VARIABLE = 131_000  # bytes; the limit of Linux for one environment variable is slightly higher


def check(deployment: Deployment, flow: Flow) -> list[Diagnostic]:
    """Every reason why the flow cannot be deployed as the manifests say; empty if it can be.

    Problems of the code are located in the flow's file, those of settings in the manifest.
    """
    found = [*_hooks(deployment, flow), *_sensors(deployment, flow), *name_limits.check(deployment, flow)]
    found += with_credentials.find(deployment)
    for step in flow.steps:
        found += [*_graph(deployment, step), *_pod(deployment, step), *_variables(deployment, flow, step)]
    found += [*events.problems(deployment, flow), *first_versions.problems(deployment, flow)]
    schedule = find_problem(deployment, flow) or find_numbered_days(deployment, flow)
    if schedule:
        found.append(schedule)
    found += parameters.check(deployment, flow, scheduled=_is_scheduled(deployment, flow))
    return sorted(set(found), key=lambda diagnostic: diagnostic.sort_key)


def _is_scheduled(deployment: Deployment, flow: Flow) -> bool:
    if deployment.schedule is not None:
        return bool(deployment.schedule.crons)
    return flow.schedule is not None


def _unsupported(deployment: Deployment, line: int, message: str, hint: str) -> Diagnostic:
    return Diagnostic("unsupported", message, flow_location(deployment, line), hint=hint)


def _hooks(deployment: Deployment, flow: Flow) -> Iterator[Diagnostic]:
    if deployment.workflow_timeout is not None and any(hook.on == "error" for hook in flow.hooks):
        yield Diagnostic(
            code="hook-skipped",
            message=(f"{flow.name} has an @exit_hook for errors, which Airflow skips when workflow_timeout ends a run"),
            location=deployment.source("workflow_timeout"),
            path=f"flows.{deployment.name}.workflow_timeout",
            hint="use @timeout on the steps, or do not rely on the hook for runs that take too long",
            severity=Severity.WARNING,
        )


def _sensors(deployment: Deployment, flow: Flow) -> Iterator[Diagnostic]:
    for sensor, what, hint in sensors.problems(flow, dag_id(deployment, flow), tasks.task_ids(flow)):
        message = f"the {sensors.OPERATORS[sensor.kind]} {sensor.name!r} {what}"
        yield Diagnostic("bad-sensor", message, flow_location(deployment, sensor.line), hint=hint)


def _graph(deployment: Deployment, step: Step) -> Iterator[Diagnostic]:
    if step.parallel and deployment.environment.compute == "kubernetes":
        message = f"step {step.name!r} is a parallel step (num_parallel), which cannot run in pods of Airflow"
        yield _unsupported(deployment, step.line, message, "use compute: local, or a foreach")


def _pod(deployment: Deployment, step: Step) -> Iterator[Diagnostic]:
    if deployment.environment.compute != "kubernetes":
        return
    for name in pods.unknown_attributes(step.pod):
        message = f"step {step.name!r}: the attribute {name!r} of @kubernetes is not supported on Airflow"
        yield _unsupported(deployment, step.line, message, "remove it from the step or from the manifest")


def _variables(deployment: Deployment, flow: Flow, step: Step) -> Iterator[Diagnostic]:
    for name, value in step.environment.items():
        if len(f"{name}={value}".encode(errors="surrogatepass")) > _MAX_VARIABLE:
            message = f"step {step.name!r}: {name} has {len(value):,} characters, too many for an environment variable"
            yield _unsupported(deployment, step.line, message, "put it into a file that the flow reads")
        elif not name or "=" in name or "\0" in name + value or not is_encodable(name + value):
            message = (
                f"step {step.name!r}: @environment sets {name!r}: its name or value is not valid in an environment"
            )
            yield _unsupported(deployment, step.line, message, "remove it")
        elif flow.environment.get(name, value) != value:
            message = f"step {step.name!r}: @environment sets {name}, which Metaflow sets for every task"
            yield _unsupported(deployment, step.line, message, "remove it from the step")
        elif name in credentials.OF_THE_SERVICE:
            message = f"step {step.name!r}: {name} is a credential and would be written into the DAG file"
            yield Diagnostic("secret-in-dag", message, flow_location(deployment, step.line), hint=credentials.HINT)
        elif credentials.names_credential(name) or credentials.holds_credential(value):
            message = (
                f"step {step.name!r}: @environment sets {name}, probably a credential, and the DAG file shows its value"
            )
            hint = "use @secrets, or a Kubernetes secret"
            location = flow_location(deployment, step.line)
            yield Diagnostic("secret-in-dag", message, location, hint=hint, severity=Severity.WARNING)
