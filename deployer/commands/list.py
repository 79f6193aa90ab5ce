"""mfdeploy list: all deployments of the manifests without a look at any target, or everything at their targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from deployer.context import Context
from deployer.errors import DeployError, Diagnostic, Severity
from deployer.manifest.projects import Projects
from deployer.models.deployment import Deployment
from deployer.models.desired import Desired
from deployer.models.inventory import Inventory
from deployer.models.listed import Listed
from deployer.models.selection import Selection
from deployer.pipeline.build import build_from
from deployer.pipeline.projects_files import projects_file_at
from deployer.pipeline.selecting import refuse_unmatched
from deployer.planning.inventory import inventory
from deployer.state.survey import DeployedState, survey


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


@dataclass(frozen=True)
class InventoryResult:
    """What lies at the targets of some environments, and warnings about projects files that cannot be used."""

    inventory: Inventory
    warnings: Sequence[Diagnostic]


def list_all_projects(selection: Selection, context: Context) -> InventoryResult:
    """Everything at the targets of the selected environments, whoever deployed it. No flow is compiled.

    The patterns of the selection are for the addresses in the records. Raises DeployError.
    """
    manifests = context.load(selection)
    chosen = [manifests.environments[name] for name in sorted(selection.environments or manifests.environments)]
    context.progress("reading what is deployed")
    deployed = survey(chosen, context.connect, manifests.addresses, branches=manifests.branches, limits=True)
    refuse_unmatched(selection, deployed.addresses)
    files, warnings = _projects_files(deployed)
    narrowed = bool(selection.flows or selection.exclude)
    found = inventory(
        manifests.project, deployed.states, manifests.environments, files, selection.selects, narrowed=narrowed
    )
    return InventoryResult(found, warnings)


def _projects_files(deployed: DeployedState) -> tuple[dict[str, Projects], list[Diagnostic]]:
    files: dict[str, Projects] = {}
    warnings: list[Diagnostic] = []
    for name, environment in deployed.environments.items():
        try:
            file = projects_file_at(environment, deployed)
        except DeployError as error:
            warnings += (replace(each, severity=Severity.WARNING) for each in error.diagnostics)
            continue
        if file is not None:
            files[name] = file
    return files, warnings


def _as_written(deployment: Deployment) -> Listed:
    written = deployment.dag_id and deployment.own_branch.in_name(deployment.dag_id)
    return Listed(deployment, written, deployment.schedule, is_compiled=False)


def _compiled(item: Desired, context: Context) -> Listed:
    schedule = context.orchestrator(item.deployment.environment).schedule_of(item.deployment, item.flow)
    return Listed(item.deployment, item.name, schedule, is_compiled=True)
