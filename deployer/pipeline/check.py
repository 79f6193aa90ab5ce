"""What refuses compiled deployments, whatever runs them: variables, settings of another orchestrator, names, sizes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from deployer.context import Context
from deployer.description import to_json
from deployer.errors import Diagnostic
from deployer.models.deployment import Deployment
from deployer.models.desired import Desired
from deployer.models.flow import Flow


def check_deployment(deployment: Deployment, flow: Flow, context: Context) -> list[Diagnostic]:
    """Every reason why a flow cannot be deployed as the manifests say, and warnings; empty where there is none."""
    orchestrator = context.orchestrator(deployment.environment)
    return [*_settings_of_others(deployment, context), *orchestrator.check(deployment, flow)]


def _settings_of_others(deployment: Deployment, context: Context) -> Iterator[Diagnostic]:
    """Settings that were written and that only another orchestrator has: nothing that a user wrote is ignored."""
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
                    hint="remove it, or write it only for environments that it is for",
                )


def check_names(items: Iterable[Desired]) -> Iterator[Diagnostic]:
    """Two deployments that would write the same file at one target."""
    seen: dict[tuple[str, str], Desired] = {}
    for item in items:
        first = seen.setdefault((item.deployment.environment.target.resolved, item.name), item)
        if first is not item:
            yield Diagnostic(
                code="duplicate-dag-id",
                message=f"{first.deployment.address} and {item.deployment.address} have one DAG id, {item.name!r}",
                location=item.deployment.location,
                path=f"flows.{item.deployment.name}",
                hint="give one of them a dag_id of its own",
            )


def check_record_sizes(items: Iterable[Desired], context: Context) -> Iterator[Diagnostic]:
    """Deployments whose record could not be read back, so that no plan would know what they are."""
    for item in items:
        orchestrator = context.orchestrator(item.deployment.environment)
        if item.compiled and orchestrator.is_too_large(item.description):
            size = {name: len(json.dumps(part)) for name, part in to_json(item.description).items()}
            most = max(size, key=lambda name: size[name])
            yield Diagnostic(
                code="too-large",
                message=f"what decides the DAG has {sum(size.values()):,} characters, most of them in its {most}",
                location=item.deployment.location,
                path=f"flows.{item.deployment.name}",
                hint="put long values into a file that the flow reads",
            )
