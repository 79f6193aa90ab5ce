"""What a plan says of flows that start each other, beyond its changes: cycles, and what nobody starts."""

from __future__ import annotations

from collections.abc import Sequence

from deployer.description import starts
from deployer.description.starts import Link
from deployer.errors import DeployError, Diagnostic
from deployer.manifest.resolve import classes_of
from deployer.models.description import event_of_end
from deployer.models.desired import DesiredState, EnvironmentState
from deployer.models.plan import Change


def check_starts(
    desired: DesiredState, states: Sequence[EnvironmentState], changes: Sequence[Change]
) -> list[Diagnostic]:
    """Warnings about deployments that wait for what nobody publishes. Raises DeployError for cycles."""
    known = starts.links(desired.items, states, changes)
    problems = [problem for _, problem in starts.cycle_problems(desired.items, known)]
    if problems:
        raise DeployError(list(dict.fromkeys(problems)))
    if not any(each.after for each in known):
        return []
    seen = {each.address for each in known}
    unseen = [each for each in desired.manifests.deployments if each.address not in seen]
    named = [Link(each.address, event_of_end(each.own_branch.in_name(each.dag_id))) for each in unseen if each.dag_id]
    unknown = {name for deployment in unseen for name in classes_of(deployment)}
    return list(starts.unpublished(desired.items, [*known, *named], unknown))
