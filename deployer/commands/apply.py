"""mfdeploy apply: publish exactly what a plan says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from deployer import __version__
from deployer.applying.executor import apply_changes
from deployer.applying.publication import Publication
from deployer.applying.recording import ApplyRun, begin
from deployer.applying.restored import RestoredFiles, restored_content
from deployer.commands.limits import refuse_replaced
from deployer.commands.plan import PlanView, annotate_plan, collect_guard_facts, make_plan, narrowed, view_of
from deployer.commands.rollback import plan_rollback
from deployer.context import Context
from deployer.errors import DeployError, Diagnostic
from deployer.models.history import Command, EntryArrival
from deployer.models.plan import Change, Plan
from deployer.models.record import Provenance
from deployer.models.selection import Selection
from deployer.pipeline.rendering import build_packages, render_files
from deployer.plan_context import PlanContext
from deployer.planning import assertions, guards, staleness
from deployer.planning import reviewed as comparison
from deployer.planning.assertions import Assertions
from deployer.planning.guards import Permissions
from deployer.planning.reviewed import Difference
from deployer.state.survey import target_problem
from deployer.vcs.ci import page_of_job

Files = Mapping[tuple[str, str], bytes]
"""Files by environment and name."""
_NOTHING_ALLOWED = Assertions()


@dataclass(frozen=True)
class Prepared:
    """A plan that is ready to be applied: `view` is shown to the user, `context` is what the apply needs.

    `restored` are the files that a rollback restores; None if files are rendered from the manifests. With `differences`
    from a reviewed plan it may not be applied.
    """

    view: PlanView
    context: PlanContext
    command: Command = "apply"
    restored: RestoredFiles | None = None
    differences: Sequence[Difference] = ()


@dataclass(frozen=True)
class ApplyResult:
    """The outcome of each change, and warnings about everything else that failed.

    `errors` give the reason for each target that could not publish; its changes are not done. `namespaces` are the
    Metaflow namespaces of the runs of each written deployment, by address. `entries` are the ids of the history
    entries by environment, and `earlier` those of the newest entries before. With `differences` nothing was done.
    `arrivals` is what running orchestrators said, and `rolled_back` what was put back since they could not import it.
    """

    done: Sequence[Change]
    failed: Sequence[tuple[Change, str]]
    not_done: Sequence[Change]
    warnings: Sequence[Diagnostic] = ()
    namespaces: Mapping[str, str] = field(default_factory=dict)
    errors: Sequence[Diagnostic] = ()
    differences: Sequence[Difference] = ()
    entries: Mapping[str, str] = field(default_factory=dict)
    earlier: Mapping[str, str] = field(default_factory=dict)
    arrivals: Sequence[EntryArrival] = ()
    rolled_back: Sequence[Change] = ()

    @property
    def is_whole(self) -> bool:
        """Whether everything was done, and a running orchestrator that was waited for has it."""
        there = all(arrival.state in ("current", "gone", "unchecked") for arrival in self.arrivals)
        return there and not self.failed and not self.not_done


def prepare(
    selection: Selection,
    context: Context,
    *,
    saved: Plan | None = None,
    caller: Assertions = _NOTHING_ALLOWED,
    destroy: bool = False,
    check_cluster: bool | None = None,
    fresh: bool = False,
) -> Prepared:
    """Make a plan and compare a saved plan with it.

    `caller` is what may be in the saved plan; `check_cluster` and `fresh` are as for `plan`; a rollback does not check
    clusters. Raises DeployError if the saved plan is stale, or holds what the caller does not allow.
    """
    if saved is not None and (refused := list(assertions.refusals(saved, caller))):
        raise DeployError(refused)
    narrow = narrowed(selection, saved) if saved else selection
    if saved is not None and saved.rollback:
        return _prepare_saved_rollback(narrow, saved, context)
    destroy = destroy or (saved is not None and saved.destroy)
    plan_context = make_plan(
        narrow, context, destroy=destroy, check_cluster=check_cluster, fresh=fresh, note_inputs=True
    )
    if saved is not None:
        _refuse_other_policies(saved, plan_context)
        plan_context = _only_reviewed(saved, plan_context)
    plan_context = annotate_plan(plan_context, context)
    return Prepared(view_of(plan_context), plan_context, "destroy" if destroy else "apply")


def prepare_reviewed(
    selection: Selection, reviewed: Plan, context: Context, *, check_cluster: bool | None = None
) -> Prepared:
    """Plan again, with every flow compiled, and compare with the plan that was reviewed, which stays a comparison.

    Raises DeployError if the two cannot be compared. If they differ, the result says how and may not be applied.
    """
    plan_context = make_plan(selection, context, check_cluster=check_cluster, fresh=True, note_inputs=True)
    if refused := list(comparison.refusals(reviewed, plan_context.plan)):
        raise DeployError(refused)
    _refuse_other_policies(reviewed, plan_context)
    plan_context = annotate_plan(plan_context, context)
    found = comparison.differences(reviewed, plan_context.plan)
    return Prepared(view_of(plan_context), plan_context, differences=found)


def differs(prepared: Prepared) -> ApplyResult:
    """The result of an apply that was not begun, since its plan is not the one that was reviewed."""
    count = len(prepared.differences)
    message = f"the plan differs from the reviewed one in {count} {'place' if count == 1 else 'places'}"
    problem = Diagnostic("reviewed-plan", f"{message}: nothing was applied", hint="review the plan as it is now")
    pending = prepared.context.plan.pending
    return ApplyResult((), (), pending, errors=[problem], differences=prepared.differences)


def _prepare_saved_rollback(selection: Selection, saved: Plan, context: Context) -> Prepared:
    prepared = prepare_rollback(selection, saved.rollback, context)
    _refuse_other_policies(saved, prepared.context)
    plan_context = _only_reviewed(saved, prepared.context)
    return replace(prepared, view=view_of(plan_context), context=plan_context)


def prepare_rollback(selection: Selection, entry: str, context: Context, *, diff: bool = False) -> Prepared:
    """Plan a rollback to a history entry of the only environment of the selection; with `diff` also show the texts.

    Raises DeployError.
    """
    plan_context, restored, sources = plan_rollback(selection, entry, context, diff=diff)
    return Prepared(view_of(plan_context, sources), plan_context, "rollback", restored)


def refuse_unpermitted(prepared: Prepared, permissions: Permissions, context: Context) -> None:
    """Raise DeployError if the plan may not be applied. Called before the user is asked for confirmation."""
    plan_context = prepared.context
    facts = collect_guard_facts(plan_context, context)
    problems = guards.refusals(
        plan_context.plan, plan_context.environments, plan_context.deployed.states, facts, permissions
    )
    if problems:
        raise DeployError(problems)


def execute(prepared: Prepared, permissions: Permissions, context: Context) -> ApplyResult:
    """Apply a prepared plan: packages first, then files, deletes last.

    Raises DeployError if the plan may not be applied, or if anything fails before the first file is written.
    """
    if prepared.differences:
        raise DeployError(differs(prepared).errors)
    refuse_unpermitted(prepared, permissions, context)
    plan_context = prepared.context
    refuse_replaced(plan_context)
    now = context.now().replace(microsecond=0)
    commit = plan_context.commit(context.git)
    provenance = Provenance(context.user, now.isoformat(), commit, __version__, page_of_job(context.environ))

    @cache
    def run() -> ApplyRun:
        """Reads the state before the apply, once."""
        return begin(plan_context, prepared.command, provenance)

    def read_state() -> None:
        """Called while the packages are built."""
        run()

    content, namespaces = _to_write(prepared, provenance, read_state, context)
    publication = Publication(plan_context, context, content, run())
    try:
        applied = apply_changes(
            plan_context.plan.pending, plan_context.deployed.targets, content, publication, context.progress
        )
    except KeyboardInterrupt:
        publication.catch_up()
        raise
    return ApplyResult(
        done=[change for change, _ in applied.done],
        failed=applied.failed,
        not_done=applied.not_done,
        warnings=publication.warnings,
        namespaces=namespaces,
        errors=[
            target_problem(plan_context.environments[name], message) for name, message in applied.unpublished.items()
        ],
        entries=run().ids,
        earlier={name: found[0][0] for name, found in run().earlier.items() if found},
    )


def execute_several(plans: Sequence[Prepared], permissions: Permissions, context: Context) -> ApplyResult:
    """Apply prepared plans one after the other; the outcome of all. Raises DeployError if the first cannot begin.

    If a later one cannot begin, its changes and those of the rest are not done.
    """
    results: list[ApplyResult] = []
    for number, prepared in enumerate(plans):
        try:
            results.append(execute(prepared, permissions, context))
        except DeployError as error:
            if not results:
                raise
            left = [change for each in plans[number:] for change in each.view.plan.pending]
            results.append(ApplyResult((), (), left, errors=error.diagnostics))
            break
    return _together(results)


def _together(results: Sequence[ApplyResult]) -> ApplyResult:
    return ApplyResult(
        done=[change for result in results for change in result.done],
        failed=[failure for result in results for failure in result.failed],
        not_done=[change for result in results for change in result.not_done],
        warnings=[warning for result in results for warning in result.warnings],
        namespaces={address: name for result in results for address, name in result.namespaces.items()},
        errors=[error for result in results for error in result.errors],
    )


def _only_reviewed(saved: Plan, now: PlanContext) -> PlanContext:
    """The current plan with the changes of the saved plan alone. Raises DeployError if one of those is stale."""
    _refuse_stale(saved, now)
    remark = staleness.left_out(saved, now.plan)
    only = now.with_changes(staleness.reviewed(saved, now.plan))
    return replace(only, warnings=[*only.warnings, remark]) if remark else only


def _refuse_other_policies(saved: Plan, now: PlanContext) -> None:
    problems = list(assertions.other_policies(saved, now.desired.manifests.policies.digest))
    if problems:
        raise DeployError(problems)


def _refuse_stale(saved: Plan, now: PlanContext) -> None:
    problems = list(staleness.differences(saved, now.plan, now.deployed.file))
    if problems:
        raise DeployError(problems)


def _to_write(
    prepared: Prepared, provenance: Provenance, while_building: Callable[[], None], context: Context
) -> tuple[Files, Mapping[str, str]]:
    """The files to write, and the namespaces of their runs by address. Uploads the code packages."""
    plan_context = prepared.context
    if prepared.restored is not None:
        (name,) = plan_context.plan.targets
        embed = context.orchestrator(plan_context.environments[name]).embed
        return restored_content(plan_context, prepared.restored, provenance, embed), {}
    writes = [change for change in plan_context.plan.pending if change.writes]
    items = [plan_context.item(change.environment, change.file) for change in writes]
    packages = build_packages(
        items, context, upload=True, tokens=plan_context.tokens(writes), while_building=while_building
    )
    namespaces = {address: package.namespace for address, package in packages.items()}
    return render_files(plan_context, writes, packages, provenance, context), namespaces
