"""mfdeploy plan: what would change, and why."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone

from deployer.commands.planning import PlanContext, make_plan
from deployer.errors import Diagnostic
from deployer.models.plan import Change, Plan
from deployer.models.progress import Progress, silent
from deployer.models.selection import Selection
from deployer.pipeline import build as desired
from deployer.pipeline.annotate import explained
from deployer.pipeline.edits import with_edits
from deployer.planning.guards import guard_warnings
from deployer.vcs.git import Git
from deployer.vcs.repository import commit_of


@dataclass(frozen=True)
class PlanView:
    """A plan to show.

    `sources` gives the DAG file's text (without record) before and after by ``environment/file``, when a diff was asked
    for.
    """

    plan: Plan
    warnings: Sequence[Diagnostic] = ()
    secrets: frozenset[str] = frozenset()
    sources: Mapping[str, tuple[str, str]] = field(default_factory=dict)


def plan(
    selection: Selection,
    progress: Progress = silent,
    diff: bool = False,
    against: str | None = None,
    check_cluster: bool | None = None,
) -> PlanView:
    """Plan a selection; with `diff` also render what would be written. Changes nothing. Raises DeployError.

    `against` names a revision of the repository: then the plan is held against what that would deploy, and no target is
    read and no cluster asked. `check_cluster` asks the clusters whether they would take the pods; None leaves that to
    each environment.
    """
    if against is not None:
        from deployer.pipeline.revision import plan_against

        compared, texts = plan_against(selection, against, progress, diff)
        return present(explained(compared, datetime.now(timezone.utc)), texts)
    planned = told(make_plan(selection, progress, check_cluster=check_cluster), progress)
    result = present(planned, _sources(planned, progress) if diff else {})
    return replace(result, warnings=[*result.warnings, *guard_warnings(planned)])


def told(planned: PlanContext, progress: Progress) -> PlanContext:
    """A plan with all that is told of it: edits by hand, origins, and what it does to runs from now on."""
    return explained(with_edits(planned, progress), datetime.now(timezone.utc))


def present(planned: PlanContext, sources: Mapping[str, tuple[str, str]] | None = None) -> PlanView:
    """What people are shown of a plan."""
    return PlanView(
        plan=planned.plan,
        warnings=planned.warnings,
        secrets=planned.desired.manifests.secrets,
        sources=sources or {},
    )


def _sources(planned: PlanContext, progress: Progress) -> dict[str, tuple[str, str]]:
    """Deployed and planned text of every DAG file that would be written or deleted."""
    writes = [change for change in planned.plan.pending if change.action in ("create", "update", "conflict")]
    items = [planned.item(change.environment, change.file) for change in writes]
    built = planned.packages(writes, progress)
    commit = commit_of(Git(os.environ), planned.folder) if items else None
    before = {(change.environment, change.file): _deployed_text(planned, change) for change in planned.plan.pending}
    after = {}
    for change, item in zip(writes, items, strict=True):
        key = change.environment, change.file
        after[key] = desired.render(item, built[change.address], planned.deployed.since(change), commit)
    return {
        f"{environment}/{file}": (before[environment, file], after.get((environment, file), ""))
        for environment, file in sorted(before)
    }


def _deployed_text(planned: PlanContext, change: Change) -> str:
    """The text that a change takes away: of the file at its place, else of the first that it replaces."""
    files = [change.file] if change.version else [other.file for other in change.replaces]
    held = planned.deployed.file(change.environment, files[0]) if files else None
    # Metaflow's own command writes the headers of its service, with their keys, into the DAG.
    return "" if held is None or held.stock else planned.deployed.body(change.environment, held.file)
