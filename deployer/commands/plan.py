"""mfdeploy plan: what would change, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone

from deployer import desired
from deployer.commands import git
from deployer.commands.guards import guard_warnings
from deployer.commands.next_runs import next_runs
from deployer.commands.planning import Planned, make_plan
from deployer.desired import Progress
from deployer.errors import Diagnostic
from deployer.models.plan import Change, Plan
from deployer.models.selection import Selection


@dataclass(frozen=True)
class PlanResult:
    """A plan to show. `next_runs` gives ISO 8601 times by address for schedules that are new or moved; `sources` the
    DAG file's text (without record) before and after by ``environment/file``, when a diff was asked for."""

    plan: Plan
    warnings: Sequence[Diagnostic] = ()
    secrets: frozenset[str] = frozenset()
    next_runs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    sources: Mapping[str, tuple[str, str]] = field(default_factory=dict)


def plan(
    selection: Selection,
    progress: Progress | None = None,
    diff: bool = False,
    check_cluster: bool | None = None,
) -> PlanResult:
    """Plan a selection; with `diff` also render what would be written. Changes nothing. Raises DeployError.

    `check_cluster` asks the clusters whether they would take the pods; None leaves that to each environment.
    """
    report = progress or _silent
    planned = make_plan(selection, report, check_cluster=check_cluster)
    result = present(planned, _sources(planned, report) if diff else {})
    return replace(result, warnings=[*result.warnings, *guard_warnings(planned)])


def present(planned: Planned, sources: Mapping[str, tuple[str, str]] | None = None) -> PlanResult:
    """What people are shown of a plan."""
    return PlanResult(
        plan=planned.plan,
        warnings=planned.desired.warnings,
        secrets=planned.desired.manifests.secrets,
        next_runs=_next_runs(planned),
        sources=sources or {},
    )


def _silent(_: str) -> None:
    pass


def _next_runs(planned: Planned) -> dict[str, Sequence[str]]:
    now = datetime.now(timezone.utc)
    return {
        change.address: next_runs(change.after["schedule"], now)
        for change in planned.plan.pending
        if change.after and change.after["schedule"]["cron"] and _moves_schedule(change)
    }


def _moves_schedule(change: Change) -> bool:
    return any(reason.word in ("new", "missing", "schedule") for reason in change.reasons)


def _sources(planned: Planned, progress: Progress) -> dict[str, tuple[str, str]]:
    """Deployed and planned text of every DAG file that would be written or deleted."""
    writes = [change for change in planned.plan.pending if change.action in ("create", "update", "conflict")]
    items = [planned.item(change.environment, change.file) for change in writes]
    built = desired.package(items, upload=False, user="", progress=progress) if items else {}
    commit = git.commit_of(planned.folder) if items else None
    before = {
        (change.environment, change.file): planned.deployed.body(change.environment, change.file)
        for change in planned.plan.pending
    }
    after = {}
    for change, item in zip(writes, items, strict=True):
        key = change.environment, change.file
        package = desired.with_token_of(before[key], built[change.address])
        after[key] = desired.render(item, package, planned.deployed.since(*key), commit)
    return {
        f"{environment}/{file}": (before[environment, file], after.get((environment, file), ""))
        for environment, file in sorted(before)
    }
