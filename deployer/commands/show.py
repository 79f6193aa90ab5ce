"""mfdeploy show: the resolved settings of one deployment, where each comes from, and the flow's graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from deployer.errors import Diagnostic
from deployer.models.deployment import Deployment, Schedule
from deployer.models.flow import Flow
from deployer.models.selection import Selection
from deployer.orchestrators import airflow as renderer
from deployer.orchestrators.airflow.next_runs import next_runs
from deployer.pipeline.one import find_one


@dataclass(frozen=True)
class ShowResult:
    """One deployment in full. `schedule` is the one that holds, whoever said it; `next_runs` are ISO 8601 times."""

    deployment: Deployment
    flow: Flow
    dag_id: str
    schedule: Schedule | None
    next_runs: Sequence[str]
    warnings: Sequence[Diagnostic]
    secrets: frozenset[str]


def show(selection: Selection, flow: str, environment: str) -> ShowResult:
    """Resolve and compile one flow in one environment. Raises DeployError."""
    item, state = find_one(selection, flow, environment)
    runs = next_runs(item.description.schedule, datetime.now(timezone.utc))
    return ShowResult(
        deployment=item.deployment,
        flow=item.flow,
        dag_id=item.name,
        schedule=renderer.schedule_of(item.deployment, item.flow),
        next_runs=runs,
        warnings=state.warnings,
        secrets=state.manifests.secrets,
    )
