"""A plan against a revision: what the revision would deploy takes the part of what is deployed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from deployer.errors import Diagnostic, Severity
from deployer.models.desired import Deployed, Desired, EnvironmentState
from deployer.models.record import Record


def environment_state(
    name: str, project: str, base: Sequence[Desired], base_project: str, known: Sequence[str]
) -> EnvironmentState:
    """An environment as it would be if the revision had been applied to an empty target.

    `base` are the deployments of the revision and `base_project` is its project; `known` are the addresses of the
    manifests now.
    """
    items = [item for item in base if item.deployment.environment.name == name]
    deployed = tuple(Deployed(item.file, "", _record(item, base_project)) for item in items)
    return EnvironmentState(name, project, deployed, frozenset(known))


def _record(item: Desired, project: str) -> Record:
    deployment = item.deployment
    return Record(project, deployment.environment.name, deployment.address, item.name, item.description, "", None)


def target_warnings(after: Mapping[str, str], before: Mapping[str, str], narrowed: bool) -> Iterator[Diagnostic]:
    """What a plan against a revision cannot show: environments whose target changes, and those that are no more.

    `after` and `before` are targets as the manifests write them, by environment; `narrowed` says that only some
    environments are planned.
    """
    for name in sorted(set(after) & set(before)):
        if after[name] != before[name]:
            message = f"{name}: the target changes from {before[name]} to {after[name]}: all DAGs are created there"
            yield _warning(message, "those at the old target stay; `mfdeploy destroy` them before the change is merged")
    for name in () if narrowed else sorted(set(before) - set(after)):
        message = f"the environment {name!r} is no more: what it deployed to {before[name]} stays there"
        yield _warning(message, "`mfdeploy destroy` it before the change is merged")


def _warning(message: str, hint: str) -> Diagnostic:
    return Diagnostic("environment", message, hint=hint, severity=Severity.WARNING)
