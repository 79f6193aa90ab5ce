"""mfdeploy apply: publish exactly what a plan says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from deployer import __version__
from deployer.applying.executor import apply_changes
from deployer.applying.publication import Publication
from deployer.applying.recording import ApplyRun, begin
from deployer.applying.restored import RestoredFiles, restored_content
from deployer.commands.plan import PlanView, annotate_plan, look_around, make_plan, narrowed, view_of
from deployer.commands.rollback import plan_rollback
from deployer.context import Context
from deployer.errors import DeployError, Diagnostic
from deployer.models.history import Command
from deployer.models.plan import Change, Plan
from deployer.models.record import Provenance
from deployer.models.selection import Selection
from deployer.pipeline.rendering import build_packages, render_files
from deployer.plan_context import PlanContext
from deployer.planning import guards, staleness
from deployer.planning.guards import Permissions
from deployer.state.survey import target_problem
from deployer.vcs.repository import commit_of

Files = Mapping[tuple[str, str], bytes]
"""Files by environment and name."""


@dataclass(frozen=True)
class Prepared:
    """A plan that is ready to be applied: shown as `view`, made of `context`.

    `restored` are the files that a rollback puts back; None where files are made from the manifests.
    """

    view: PlanView
    context: PlanContext
    command: Command = "apply"
    restored: RestoredFiles | None = None


@dataclass(frozen=True)
class ApplyResult:
    """What became of each change, and warnings on what else went wrong.

    `errors` say of each target that publishes in one step why it published nothing; its changes are not done.
    `namespaces` are Metaflow's namespaces of the runs of each deployment that was to be written, by address.
    """

    done: Sequence[Change]
    failed: Sequence[tuple[Change, str]]
    not_done: Sequence[Change]
    warnings: Sequence[Diagnostic] = ()
    namespaces: Mapping[str, str] = field(default_factory=dict)
    errors: Sequence[Diagnostic] = ()


def prepare(
    selection: Selection,
    context: Context,
    *,
    saved: Plan | None = None,
    destroy: bool = False,
    check_cluster: bool | None = None,
) -> Prepared:
    """Plan, and compare a saved plan with that. Raises DeployError when it is no longer what would be done.

    `check_cluster` is as for `plan`; a rollback asks no cluster.
    """
    if saved is not None and saved.against is not None:
        message = f"the plan is against {saved.against.revision}, and only one against what is deployed can be applied"
        raise DeployError(Diagnostic("bad-plan", message, hint="plan without --against"))
    narrow = narrowed(selection, saved) if saved else selection
    if saved is not None and saved.rollback:
        prepared = prepare_rollback(narrow, saved.rollback, context)
        _refuse_stale(saved, prepared.context)
        return prepared
    found = make_plan(narrow, context, destroy=destroy, check_cluster=check_cluster, note_inputs=True)
    if saved is not None:
        _refuse_stale(saved, found)
    found = annotate_plan(found, context)
    return Prepared(view_of(found), found, "destroy" if destroy else "apply")


def prepare_rollback(selection: Selection, entry: str, context: Context) -> Prepared:
    """Plan the way back to a history entry of the selection's one environment. Raises DeployError."""
    found, restored = plan_rollback(selection, entry, context)
    return Prepared(view_of(found), found, "rollback", restored)


def refuse_unpermitted(prepared: Prepared, permissions: Permissions, context: Context) -> None:
    """Raise DeployError when the plan may not be applied: so that nobody is asked about what is refused anyway."""
    found = prepared.context
    surroundings = look_around(found, context)
    problems = guards.refusals(found.plan, found.environments, found.deployed.sites, surroundings, permissions)
    if problems:
        raise DeployError(problems)


def execute(prepared: Prepared, permissions: Permissions, context: Context) -> ApplyResult:
    """Apply a prepared plan: packages first, then files, deletes last.

    Raises DeployError when the plan may not be applied, or when anything fails before the first file is written.
    """
    refuse_unpermitted(prepared, permissions, context)
    found = prepared.context
    now = context.now().replace(microsecond=0)
    provenance = Provenance(context.user, now.isoformat(), commit_of(context.git, found.folder), __version__)

    @cache
    def run() -> ApplyRun:
        """Looks at the state before, while packages are built."""
        return begin(found, prepared.command, provenance)

    def look_at_state() -> None:
        run()

    content, namespaces = _to_write(prepared, provenance, look_at_state, context)
    publication = Publication(found, context, content, run())
    try:
        applied = apply_changes(found.plan.pending, found.deployed.targets, content, publication, context.progress)
    except KeyboardInterrupt:
        publication.catch_up()
        raise
    return ApplyResult(
        done=[change for change, _ in applied.done],
        failed=applied.failed,
        not_done=applied.not_done,
        warnings=publication.warnings,
        namespaces=namespaces,
        errors=[target_problem(found.environments[name], message) for name, message in applied.unpublished.items()],
    )


def _refuse_stale(saved: Plan, now: PlanContext) -> None:
    problems = list(staleness.differences(saved, now.plan, now.deployed.file))
    if problems:
        raise DeployError(problems)


def _to_write(
    prepared: Prepared, provenance: Provenance, while_building: Callable[[], None], context: Context
) -> tuple[Files, Mapping[str, str]]:
    """The files to write, and the namespaces of their runs by address. Packages are in the datastores then."""
    found = prepared.context
    if prepared.restored is not None:
        (name,) = found.plan.targets
        embed = context.orchestrator(found.environments[name]).embed
        return restored_content(found, prepared.restored, provenance, embed), {}
    writes = [change for change in found.plan.pending if change.writes]
    items = [found.item(change.environment, change.file) for change in writes]
    packages = build_packages(items, context, upload=True, tokens=found.tokens(writes), while_building=while_building)
    namespaces = {address: package.namespace for address, package in packages.items()}
    return render_files(found, writes, packages, provenance, context), namespaces
