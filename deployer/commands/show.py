"""mfdeploy show: the resolved settings of one deployment, where each comes from, and the flow's graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deployer.context import Context
from deployer.errors import Diagnostic
from deployer.models.deployment import Deployment, Schedule
from deployer.models.flow import Flow
from deployer.models.selection import Selection
from deployer.pipeline.one_flow import build_one


@dataclass(frozen=True)
class ShowResult:
    """One deployment in full. `schedule` is the effective schedule; `next_runs` are ISO 8601 times."""

    deployment: Deployment
    flow: Flow
    dag_id: str
    schedule: Schedule | None
    next_runs: Sequence[str]
    warnings: Sequence[Diagnostic]


def show(selection: Selection, flow: str, environment: str, context: Context) -> ShowResult:
    """Resolve and compile one flow in one environment. Raises DeployError."""
    item, state = build_one(selection, flow, environment, context)
    orchestrator = context.orchestrator(item.deployment.environment)
    runs = orchestrator.next_runs(item.description.schedule, context.now())
    return ShowResult(
        deployment=item.deployment,
        flow=item.flow,
        dag_id=item.name,
        schedule=orchestrator.schedule_of(item.deployment, item.flow),
        next_runs=runs,
        warnings=state.warnings,
    )
