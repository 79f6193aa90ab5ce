"""mfdeploy status: what is deployed, and what the running Airflow has of it and does with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from deployer.context import Context
from deployer.errors import Diagnostic
from deployer.models.selection import Selection
from deployer.pipeline.live import FlowStatus, deployed_flows
from deployer.pipeline.live_status import flow_statuses
from deployer.pipeline.selecting import refuse_unmatched


@dataclass(frozen=True)
class StatusResult:
    """The selected flows by address, and what could not be checked."""

    flows: Sequence[FlowStatus]
    warnings: Sequence[Diagnostic] = ()


def status(selection: Selection, context: Context) -> StatusResult:
    """The state of the selected flows. What an orchestrator does not tell is a warning. Raises DeployError."""
    manifests = context.load(selection)
    everything = replace(selection, flows=())
    names = selection.environments or sorted(manifests.environments)
    owned = {name: deployed_flows(everything, name, context) for name in names}
    deployed = [flow.record.address for flows in owned.values() for flow in flows]
    refuse_unmatched(selection, [*manifests.addresses, *deployed])
    found: list[FlowStatus] = []
    warnings: list[Diagnostic] = []
    for name, flows in owned.items():
        selected = [flow for flow in flows if selection.selects(flow.record.address)]
        statuses, warning = flow_statuses(manifests.environments[name], selected, context)
        found += statuses
        warnings += [warning] if warning else []
    return StatusResult(sorted(found, key=lambda each: each.flow.record.address), warnings)
