"""Checks of compiled deployments for any orchestrator: foreign settings, duplicate names, and record sizes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from deployer.context import Context
from deployer.description import to_json
from deployer.errors import Diagnostic
from deployer.manifest.names import same_names
from deployer.models.deployment import Deployment
from deployer.models.desired import Desired
from deployer.models.flow import Flow
from deployer.models.flow_location import flow_location
from deployer.orchestrators.protocol import Orchestrator


def check_deployment(deployment: Deployment, flow: Flow, context: Context) -> list[Diagnostic]:
    """All errors and warnings of one deployment."""
    orchestrator = context.orchestrator(deployment.environment)
    return [
        *_settings_of_others(deployment, context),
        *_task_variables(deployment, flow, orchestrator),
        *orchestrator.check(deployment, flow),
    ]


def _settings_of_others(deployment: Deployment, context: Context) -> Iterator[Diagnostic]:
    """Settings in the manifest that only another orchestrator supports: they are refused, not ignored."""
    own = context.orchestrator(deployment.environment)
    for other in context.all_orchestrators():
        for setting in sorted(other.own_settings - own.own_settings):
            written = deployment.sources.get(setting)
            if written is not None:
                yield Diagnostic(
                    code="unsupported-setting",
                    message=f"{setting!r} is a setting of {other.name}, but this environment runs on {own.name}",
                    location=written,
                    path=f"flows.{deployment.name}.{setting}",
                    hint=f"remove it, or set it only in environments that run on {other.name}",
                )


def _task_variables(deployment: Deployment, flow: Flow, orchestrator: Orchestrator) -> Iterator[Diagnostic]:
    """Variables that tell a task who it is, and that a step's code sets."""
    for step in flow.steps:
        for name in sorted(orchestrator.task_variables & step.environment.keys()):
            yield Diagnostic(
                code="unsupported",
                message=f"step {step.name!r}: @environment sets {name}, which {orchestrator.name} sets for every task",
                location=flow_location(deployment, step.line),
                hint="remove it from the step",
            )


def check_names(items: Sequence[Desired]) -> Iterator[tuple[str, Diagnostic]]:
    """The addresses of deployments with the name of another one at the same target, and an error for each pair."""
    names = {item.deployment.address: item.name for item in items}
    for first, second in same_names((item.deployment, item.name) for item in items):
        ids = names[first.address], names[second.address]
        what = f"have the same DAG id {ids[1]!r}" if ids[0] == ids[1] else f"have DAG ids {ids[0]!r} and {ids[1]!r}"
        rest = "" if ids[0] == ids[1] else ", which differ in case only: their files would be one on some disks"
        problem = Diagnostic(
            code="duplicate-dag-id",
            message=f"{first.address} and {second.address} {what}{rest}",
            location=second.location,
            path=f"flows.{second.name}",
            hint="set a different dag_id for one of them",
        )
        yield first.address, problem
        yield second.address, problem


def check_record_sizes(items: Iterable[Desired], context: Context) -> Iterator[tuple[str, Diagnostic]]:
    """The address of each deployment whose record would be too large to be read back by the next plan, and an error."""
    for item in items:
        orchestrator = context.orchestrator(item.deployment.environment)
        if item.compiled and orchestrator.is_too_large(item.description):
            size = {name: len(json.dumps(part)) for name, part in to_json(item.description).items()}
            largest = max(size, key=lambda name: size[name])
            problem = Diagnostic(
                code="too-large",
                message=f"the description has {sum(size.values()):,} characters, most of them in its {largest}",
                location=item.deployment.location,
                path=f"flows.{item.deployment.name}",
                hint="move long values to a file that the flow reads",
            )
            yield item.deployment.address, problem
