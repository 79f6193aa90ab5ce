"""mfdeploy plan: what would change, and why."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from deployer import __version__
from deployer.commands.limits import with_limits
from deployer.context import Context
from deployer.errors import DeployError, Diagnostic, Severity
from deployer.models.deployment import Environment
from deployer.models.desired import DesiredState
from deployer.models.manifests import Manifests
from deployer.models.plan import Baseline, Broken, Change, Plan, PlanWarning
from deployer.models.selection import Selection
from deployer.models.target import TargetError
from deployer.pipeline.build import build, build_during, build_from, build_or_refuse
from deployer.pipeline.edits import with_edits
from deployer.pipeline.effects import with_effects
from deployer.pipeline.evidence import with_evidence
from deployer.pipeline.known import with_known
from deployer.pipeline.origins import with_origins
from deployer.pipeline.own_code import with_own_code
from deployer.pipeline.policies import compile_policies, with_violations
from deployer.pipeline.review import with_review
from deployer.pipeline.revision import checked_out
from deployer.pipeline.rolled_back import with_rolled_back
from deployer.pipeline.selecting import refuse_unmatched, way_around
from deployer.pipeline.sources import Sources, sources, sources_against
from deployer.pipeline.starts import check_starts
from deployer.pipeline.unlisted import unlisted_flows
from deployer.plan_context import PlanContext
from deployer.planning import baseline, guards, removed
from deployer.planning.adoption import check_adoptions, stray_files
from deployer.planning.branches import refuse_several_branches
from deployer.planning.guards import GuardFacts
from deployer.planning.planner import plan_changes
from deployer.planning.renamed import spare, spare_for_broken, unselected_new
from deployer.state.foreign import names_of_others
from deployer.state.survey import DeployedState, Survey, target_problem
from deployer.vcs.repository import branch_of, find_revision

if TYPE_CHECKING:
    from deployer.models.forecast import Forecast


@dataclass(frozen=True)
class PlanView:
    """A plan to show; `sources` are filled when a diff was requested, `loads` (by environment) when they were."""

    plan: Plan
    warnings: Sequence[Diagnostic] = ()
    sources: Sources = field(default_factory=dict)
    loads: Mapping[str, Forecast] = field(default_factory=dict)


def plan(
    selection: Selection,
    context: Context,
    *,
    diff: bool = False,
    against: str | None = None,
    check_cluster: bool | None = None,
    fresh: bool = False,
    with_loads: bool = False,
) -> PlanView:
    """Plan a selection; with `diff` also render what would be written. Changes nothing. Raises DeployError.

    `against` names a revision of the repository: the plan is then compared with what that revision would deploy, and
    neither targets nor clusters are read. `check_cluster` asks the clusters whether they would accept the pods; None
    leaves that to the `check` setting of each environment. With `fresh` every flow is compiled and every
    deployed file is read. `with_loads` simulates what the schedules start, where the plan changes that.
    """
    if against is not None:
        return _plan_against(selection, against, context, diff)
    plan_context = annotate_plan(make_plan(selection, context, check_cluster=check_cluster, fresh=fresh), context)
    unlisted = unlisted_flows(plan_context.desired.manifests, selection, context)
    plan_context = replace(plan_context, warnings=[*plan_context.warnings, *unlisted])
    view = guarded_view(plan_context, context, sources(plan_context, context) if diff else {})
    if with_loads:
        from deployer.pipeline.forecast import loads

        view = replace(view, loads=loads(plan_context, context))
    return view


def make_plan(
    selection: Selection,
    context: Context,
    *,
    destroy: bool = False,
    check_cluster: bool | None = None,
    fresh: bool = False,
    note_inputs: bool = False,
) -> PlanContext:
    """Compare what the manifests ask for with what is deployed. Writes nothing. Raises DeployError.

    With `destroy` nothing is desired and no flow is compiled, so everything that the manifests manage is deleted.
    `note_inputs` is for an apply, which saves in the index what each description was made from.
    """
    manifests = context.load(selection)
    compile_policies(manifests)  # what is wrong with them is reported before anything else is done
    environments = _environments(manifests, selection)
    checks_clusters = _checks_clusters(environments, check_cluster)
    addresses = manifests.addresses

    if destroy:
        refuse_several_branches(manifests.selected(selection))

    survey = Survey(
        environments.values(),
        context.connect,
        addresses,
        destroy=destroy,
        fresh=fresh,
        branches=manifests.branches,
        limits=not destroy,
    )
    desired = DesiredState(manifests, (), ())
    if not destroy:
        use_cache = not (fresh or checks_clusters)
        desired = build_during(survey, manifests, selection, context, use_cache=use_cache, note=note_inputs)
    deployed = _require_deployed(survey, desired, selection)
    if checks_clusters:
        desired = _with_cluster_warnings(desired, environments, check_cluster, context)
    refuse_unmatched(selection, {*addresses, *deployed.addresses})

    changes = plan_changes(desired.items, deployed.states, selection.selects, selection.adopts)
    changes = removed.with_reasons(with_rolled_back(changes, deployed, environments), manifests)
    desired = _compile_changed(desired, changes, selection, context)
    renamed: Sequence[Diagnostic] = ()
    if not destroy:
        changes, renamed = _without_renamed(selection, addresses, deployed, changes, context)
    broken = {**manifests.broken, **desired.broken}
    changes, spared = spare_for_broken(changes, broken, deployed.addresses)
    adoptions = check_adoptions(selection, changes, desired, deployed)

    gone = removed.stale(manifests, deployed.states)
    waiting = check_starts(desired, deployed.states, changes)
    # Errors too, if the broken flows were left out.
    warnings = (*desired.diagnostics, *adoptions, *renamed, *spared, *stray_files(desired, deployed), *gone, *waiting)
    found = replace(_new_plan(changes, environments, selection, destroy=destroy), broken=_broken(broken))
    plan_context = PlanContext(selection.manifests, found, desired, deployed, warnings)
    return plan_context if destroy else with_limits(plan_context, selection, context)


def _broken(errors: Mapping[str, Sequence[Diagnostic]]) -> tuple[Broken, ...]:
    return tuple(Broken(address, tuple(map(str, dict.fromkeys(errors[address])))) for address in sorted(errors))


def annotate_plan(plan_context: PlanContext, context: Context) -> PlanContext:
    """The same plan with what explains it: manual edits, origins, own code, effects on runs, what needs a review.

    Part of it is what the running orchestrators know. The policies come last: they see all of it.
    """
    traced = with_own_code(with_origins(with_edits(plan_context, context)))
    known, ran = with_known(with_evidence(traced, context), context)
    return with_violations(
        with_review(with_effects(known, plan_context.deployed.since, context, ran), context), context
    )


def view_of(plan_context: PlanContext, sources: Sources | None = None, more: Sequence[Diagnostic] = ()) -> PlanView:
    """The part of a plan context that users see: the plan, with the warnings of the context and `more` in it."""
    warnings = [*plan_context.warnings, *more]
    # What is wrong with broken flows is in the plan already.
    told = [each for each in warnings if each.severity is not Severity.ERROR]
    plan = replace(plan_context.plan, warnings=tuple(map(_plan_warning, told)))
    return PlanView(plan, warnings, sources or {})


def guarded_view(plan_context: PlanContext, context: Context, sources: Sources | None = None) -> PlanView:
    """The same, with what an apply of the plan would refuse: its reviewer may not be the one who applies it."""
    return view_of(plan_context, sources, _guard_warnings(plan_context, context))


def _plan_warning(warning: Diagnostic) -> PlanWarning:
    origin = str(warning.location) if warning.location else ""
    return PlanWarning(warning.code, warning.message, warning.hint, warning.path, origin)


def narrowed(selection: Selection, saved: Plan) -> Selection:
    """The selection with the environments and patterns of a saved plan; the manifests and variables stay."""
    return replace(
        selection,
        environments=tuple(saved.targets),
        flows=tuple(saved.flows),
        exclude=tuple(saved.exclude),
        adopt=tuple(saved.adopt),
    )


def collect_guard_facts(plan_context: PlanContext, context: Context) -> GuardFacts:
    """The branch, and the names that other files define: only the facts that the guards need for this plan.

    Raises DeployError if a target cannot be read.
    """
    found, environments = plan_context.plan, plan_context.environments
    branch = None
    if guards.needs_branch(found, environments):
        branch = branch_of(context.git, plan_context.folder, context.environ)
    taken: dict[str, Mapping[str, str]] = {}
    for state in plan_context.deployed.states:
        name = state.environment
        if guards.creates_in(found, name):
            try:
                orchestrator = context.orchestrator(environments[name])
                taken[name] = names_of_others(
                    plan_context.deployed.targets[name], state, orchestrator, plan_context.deployed.names[name]
                )
            except TargetError as error:
                raise DeployError(target_problem(environments[name], str(error), error.hint)) from error
    return GuardFacts(branch, taken, frozenset(removed.allowed(plan_context.desired.manifests)))


def _guard_warnings(plan_context: PlanContext, context: Context) -> list[Diagnostic]:
    facts = collect_guard_facts(plan_context, context)
    return guards.warnings(plan_context.plan, plan_context.environments, plan_context.deployed.states, facts)


def _environments(manifests: Manifests, selection: Selection) -> dict[str, Environment]:
    names = selection.environments or manifests.environments
    return {name: manifests.environments[name] for name in sorted(names)}


def _checks_clusters(environments: Mapping[str, Environment], requested: bool | None) -> bool:
    if requested is not None:
        return requested
    return any(environment.check_cluster for environment in environments.values())


def _require_deployed(survey: Survey, desired: DesiredState, selection: Selection) -> DeployedState:
    """The result of the survey. Raises DeployError with the problems of both sides, so that all are reported.

    The errors of broken flows do not count if these are left out.
    """
    deployed = survey.result
    if deployed is None or (desired.errors and not selection.keep_going):
        around = way_around(desired.broken, [item.address for item in desired.manifests.selected(selection)])
        raise DeployError([*desired.diagnostics, *survey.problems, *around])
    return deployed


def _with_cluster_warnings(
    desired: DesiredState, names: Collection[str], requested: bool | None, context: Context
) -> DesiredState:
    """The state with the warnings of the clusters. Raises DeployError if a cluster would not accept a pod."""
    # The Kubernetes client takes a second to import, and few plans check a cluster.
    from deployer.pipeline.cluster_check import check_clusters

    found = check_clusters(desired, names, requested, context)
    if any(problem.severity is Severity.ERROR for problem in found):
        raise DeployError([*desired.diagnostics, *found])
    return replace(desired, diagnostics=(*desired.diagnostics, *sorted(found, key=lambda problem: problem.sort_key)))


def _compile_changed(
    desired: DesiredState, changes: Iterable[Change], selection: Selection, context: Context
) -> DesiredState:
    """The state with all flows compiled, if a changed deployment was described from the cache."""
    pending = {change.address for change in changes if change.action in ("create", "update", "conflict")}
    if all(item.compiled for item in desired.items if item.deployment.address in pending):
        return desired
    compiled = build_from(desired.manifests, selection, context)
    return replace(compiled, diagnostics=desired.diagnostics, broken=desired.broken)


def _without_renamed(
    selection: Selection, addresses: Sequence[str], deployed: DeployedState, changes: Sequence[Change], context: Context
) -> tuple[tuple[Change, ...], list[Diagnostic]]:
    """The changes without deletes of files that unselected deployments write, with a warning for each of these."""
    others = unselected_new(selection, addresses, deployed.own_addresses, changes)
    items = build(replace(selection, flows=others, exclude=()), context).items if others else ()
    return spare(changes, items)


def _new_plan(
    changes: Iterable[Change],
    environments: Mapping[str, Environment],
    selection: Selection,
    against: Baseline | None = None,
    *,
    destroy: bool = False,
) -> Plan:
    return Plan(
        changes=tuple(changes),
        targets={name: environments[name].target.written for name in sorted(environments)},
        flows=selection.flows,
        exclude=selection.exclude,
        adopt=selection.adopt,
        against=against,
        destroy=destroy,
        tool_version=__version__,
    )


def _plan_against(selection: Selection, name: str, context: Context, diff: bool) -> PlanView:
    """The plan from a revision to the working tree. Writes nothing outside of a temporary folder."""
    desired = build_or_refuse(selection, context)
    revision = find_revision(context.git, selection.manifests, name)
    with checked_out(revision, context) as tree:
        context.progress(f"compiling {name}")
        base = tree.build(selection)
        compared = _compare_with(selection, desired, base, Baseline(revision.name, revision.commit))
        texts = sources_against(compared, base, tree, context) if diff else {}
    compared = with_limits(compared, selection, context)
    traced = with_own_code(with_origins(compared))
    shown = with_violations(with_review(with_effects(traced, compared.deployed.since, context), context), context)
    return view_of(shown, texts)


def _compare_with(
    selection: Selection, desired: DesiredState, base: DesiredState | None, against: Baseline
) -> PlanContext:
    addresses = [item.address for item in desired.manifests.deployments]
    before = base.manifests if base else None
    refuse_unmatched(selection, [*addresses, *(item.address for item in (before.deployments if before else ()))])

    environments = _environments(desired.manifests, selection)
    base_items, base_project = base.items if base else (), before.project if before else ""
    states = tuple(
        baseline.environment_state(environment, base_items, base_project, desired.manifests.branches)
        for environment in environments.values()
    )
    changes = plan_changes(desired.items, states, selection.selects, selection.adopts)
    changes = removed.with_reasons(changes, desired.manifests)
    plan = _new_plan((replace(change, version=None) for change in changes), environments, selection, against)

    targets = {name: item.target.written for name, item in before.environments.items()} if before else {}
    moved = baseline.target_warnings(plan.targets, targets, bool(selection.environments))
    return PlanContext(selection.manifests, plan, desired, DeployedState({}, states), (*desired.warnings, *moved))
