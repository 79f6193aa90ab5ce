"""A plan against a revision: what the revision would deploy is used in place of what is deployed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from deployer.errors import Diagnostic, Severity
from deployer.models.branches import Branch
from deployer.models.deployment import Environment
from deployer.models.desired import Deployed, Desired, EnvironmentState
from deployer.models.record import Record


def environment_state(
    environment: Environment, base: Sequence[Desired], base_project: str, branches: Mapping[str, Branch]
) -> EnvironmentState:
    """An environment as it would be if the revision had been applied to an empty target.

    `base` and `base_project` are the deployments and the project of the revision; `branches` are the addresses in
    the current manifests, with their branches.
    """
    name = environment.name
    items = [item for item in base if item.deployment.environment.name == name]
    deployed = tuple(Deployed(item.file, "", _record(item, base_project)) for item in items)
    return EnvironmentState(
        name, environment.project, deployed, frozenset(branches), branch=environment.branch, branches=branches
    )


def _record(item: Desired, project: str) -> Record:
    deployment = item.deployment
    branch = deployment.owner_branch.name or None
    return Record(
        project, deployment.environment.name, deployment.address, item.name, item.description, "", None, branch=branch
    )


def target_warnings(after: Mapping[str, str], before: Mapping[str, str], narrowed: bool) -> Iterator[Diagnostic]:
    """Warnings about environments whose target changes or that were removed: a plan against a revision omits both.

    `after` and `before` are targets as the manifests write them, by environment; `narrowed` is true if only
    some environments are planned.
    """
    for name in sorted(set(after) & set(before)):
        if after[name] != before[name]:
            message = f"{name}: the target changes from {before[name]} to {after[name]}, where all DAGs will be created"
            yield _warning(message, "DAGs at the old target are not deleted: run `mfdeploy destroy` before you merge")
    for name in () if narrowed else sorted(set(before) - set(after)):
        message = f"the environment {name!r} was removed, but its DAGs stay at {before[name]}"
        yield _warning(message, "run `mfdeploy destroy` for it before you merge")


def _warning(message: str, hint: str) -> Diagnostic:
    return Diagnostic("environment", message, hint=hint, severity=Severity.WARNING)
