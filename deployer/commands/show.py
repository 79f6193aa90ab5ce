"""mfdeploy show: the resolved settings of one deployment, where each comes from, and the flow's graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from deployer.context import Context
from deployer.description.starts import link
from deployer.errors import Diagnostic, Severity
from deployer.models.deployment import Deployment, Schedule
from deployer.models.desired import Desired
from deployer.models.flow import Flow
from deployer.models.selection import Selection
from deployer.models.site import SiteStart
from deployer.pipeline.build import build
from deployer.pipeline.one_flow import build_one
from deployer.pipeline.selecting import as_pattern
from deployer.pipeline.site_links import start_links


@dataclass(frozen=True)
class Starts:
    """What starts a deployment, and what the end of its runs starts, among all that the manifests have beside it."""

    started_by: Sequence[SiteStart]
    starts: Sequence[SiteStart]


@dataclass(frozen=True)
class ShowResult:
    """One deployment in full. `schedule` is the effective schedule; `next_runs` are ISO 8601 times.

    `starts` is None where it was not asked for.
    """

    deployment: Deployment
    flow: Flow
    dag_id: str
    schedule: Schedule | None
    next_runs: Sequence[str]
    warnings: Sequence[Diagnostic]
    starts: Starts | None = None


def show(
    selection: Selection, flow: str, environment: str, context: Context, *, with_starts: bool = False
) -> ShowResult:
    """Resolve and compile one flow in one environment. Raises DeployError.

    `with_starts` compiles the others of the environment, too: one of them that is broken is a warning.
    """
    item, state = build_one(selection, flow, environment, context)
    orchestrator = context.orchestrator(item.deployment.environment)
    runs = orchestrator.next_runs(item.description.schedule, context.now())
    found, more = _starts(item, selection, context) if with_starts else (None, ())
    return ShowResult(
        deployment=item.deployment,
        flow=item.flow,
        dag_id=item.name,
        schedule=orchestrator.schedule_of(item.deployment, item.flow),
        next_runs=runs,
        warnings=[*state.warnings, *more],
        starts=found,
    )


def _starts(item: Desired, selection: Selection, context: Context) -> tuple[Starts, Sequence[Diagnostic]]:
    name = item.deployment.environment.name
    own_pattern = as_pattern(item.deployment.address)  # it is compiled already
    others = replace(selection, environments=(name,), flows=(), exclude=(own_pattern,), keep_going=True)
    everything = build(others, context)
    known = start_links(everything, ())
    own = link(item.deployment.address, item.name, item.description)
    broken = [replace(each, severity=Severity.WARNING) for each in everything.errors]
    return Starts(known.started_by(own), known.starts(own)), broken
