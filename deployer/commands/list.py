"""mfdeploy list: all deployments of the manifests, one line each, without a look at any target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deployer.context import Context
from deployer.errors import Diagnostic
from deployer.models.deployment import Deployment
from deployer.models.desired import Desired
from deployer.models.listed import Listed
from deployer.models.selection import Selection
from deployer.pipeline.build import build_from
from deployer.pipeline.selecting import refuse_unmatched


@dataclass(frozen=True)
class ListResult:
    """The selected deployments, sorted by address, and everything that is wrong with them."""

    deployments: Sequence[Listed]
    diagnostics: Sequence[Diagnostic]


def list_deployments(selection: Selection, context: Context, *, flows: bool = True) -> ListResult:
    """List a selection. Unless `flows` is False each flow is compiled, since its code decides the id and the schedule.

    A broken flow is listed, too. Raises DeployError for problems of the manifests.
    """
    manifests = context.load(selection)
    refuse_unmatched(selection, [item.address for item in manifests.deployments])
    chosen = manifests.selected(selection)
    if not flows:
        return ListResult([_as_written(each) for each in chosen], manifests.diagnostics)
    state = build_from(manifests, selection, context)
    items = {item.deployment.address: item for item in state.items}
    found = [_compiled(items[each.address], context) if each.address in items else _as_written(each) for each in chosen]
    return ListResult(found, state.diagnostics)


def _as_written(deployment: Deployment) -> Listed:
    written = deployment.dag_id and deployment.own_branch.in_name(deployment.dag_id)
    return Listed(deployment, written, deployment.schedule, is_compiled=False)


def _compiled(item: Desired, context: Context) -> Listed:
    schedule = context.orchestrator(item.deployment.environment).schedule_of(item.deployment, item.flow)
    return Listed(item.deployment, item.name, schedule, is_compiled=True)
