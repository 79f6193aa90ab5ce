"""mfdeploy plan: what would change, and why."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from deployer import __version__
from deployer.context import Context
from deployer.errors import DeployError, Diagnostic, Severity
from deployer.models.deployment import Environment
from deployer.models.desired import DesiredState
from deployer.models.manifests import Manifests
from deployer.models.plan import Baseline, Change, Plan
from deployer.models.selection import Selection
from deployer.models.target import TargetError
from deployer.pipeline.build import build, build_from, build_or_refuse, described, usable
from deployer.pipeline.edits import with_edits
from deployer.pipeline.effects import with_effects
from deployer.pipeline.origins import with_origins
from deployer.pipeline.revision import checked_out
from deployer.pipeline.selecting import refuse_unmatched
from deployer.pipeline.sources import Sources, sources, sources_against
from deployer.plan_context import PlanContext
from deployer.planning import baseline, guards
from deployer.planning.adoption import check_adoptions, strays
from deployer.planning.guards import Surroundings
from deployer.planning.planner import plan_changes
from deployer.planning.renamed import newcomers, spare
from deployer.state.foreign import names_of_others
from deployer.state.survey import DeployedState, Survey, target_problem
from deployer.vcs.repository import branch_of, find_revision


@dataclass(frozen=True)
class PlanView:
    """A plan to show; `sources` are filled when a diff was asked for."""

    plan: Plan
    warnings: Sequence[Diagnostic] = ()
    sources: Sources = field(default_factory=dict)


def plan(
    selection: Selection,
    context: Context,
    *,
    diff: bool = False,
    against: str | None = None,
    check_cluster: bool | None = None,
) -> PlanView:
    """Plan a selection; with `diff` also render what would be written. Changes nothing. Raises DeployError.

    `against` names a revision of the repository: then the plan is compared with what that would deploy, and no target
    is read and no cluster asked. `check_cluster` asks the clusters whether they would take the pods; None leaves that
    to each environment.
    """
    if against is not None:
        return _plan_against(selection, against, context, diff)
    found = annotate_plan(make_plan(selection, context, check_cluster=check_cluster), context)
    warnings = guards.warnings(found.plan, found.environments, found.deployed.sites, look_around(found, context))
    view = view_of(found, sources(found, context) if diff else {})
    return replace(view, warnings=[*view.warnings, *warnings])


def view_of(found: PlanContext, sources: Sources | None = None) -> PlanView:
    """What people are shown of a plan."""
    return PlanView(found.plan, found.warnings, sources or {})


def annotate_plan(found: PlanContext, context: Context) -> PlanContext:
    """The same plan with what explains it: edits by hand, origins of values, and what it does to runs from now on."""
    return with_effects(with_origins(with_edits(found, context)), found.deployed.since, context)


def make_plan(
    selection: Selection,
    context: Context,
    *,
    destroy: bool = False,
    check_cluster: bool | None = None,
    note_inputs: bool = False,
) -> PlanContext:
    """Compare what the manifests ask for with what is deployed. Nothing is written. Raises DeployError.

    A plan to destroy asks for nothing, so that all that the manifests manage is deleted; no flow is compiled.
    `note_inputs` is for an apply, which keeps what its descriptions were made from.
    """
    manifests = context.load(selection)
    environments = _environments(manifests, selection)
    asks_clusters = _asks_clusters(environments, check_cluster)
    listed = [item.address for item in manifests.deployments]
    survey = Survey(environments.values(), context.connect, listed, destroy)
    desired = DesiredState(manifests, (), ())
    if not destroy:
        desired = _build_beside(survey, manifests, selection, context, use_cache=not asks_clusters, note=note_inputs)
    deployed = survey.result
    if deployed is None or desired.errors:
        raise DeployError([*desired.diagnostics, *survey.problems])
    if asks_clusters:
        desired = _with_cluster_warnings(desired, environments, check_cluster, context)
    refuse_unmatched(selection, {*listed, *deployed.addresses})
    changes = plan_changes(desired.items, deployed.sites, selection.selects, selection.adopts)
    desired = _compiled(desired, changes, selection, context)
    renamed: Sequence[Diagnostic] = ()
    if not destroy:
        changes, renamed = _without_renamed(selection, listed, deployed, changes, context)
    adoptions = check_adoptions(selection, changes, desired, deployed)
    warnings = (*desired.warnings, *adoptions, *renamed, *strays(desired, deployed))
    return PlanContext(selection.manifests, _plan_of(changes, environments, selection), desired, deployed, warnings)


def look_around(found: PlanContext, context: Context) -> Surroundings:
    """What guards look at beside the plan: the branch, and names that other files define. Reads only what is needed.

    Raises DeployError where a target cannot be read.
    """
    branch = None
    if guards.needs_branch(found.plan, found.environments):
        branch = branch_of(context.git, found.folder, context.environ)
    taken: dict[str, Mapping[str, str]] = {}
    for state in found.deployed.sites:
        name = state.environment
        if guards.created_in(found.plan, name):
            try:
                orchestrator = context.orchestrator(found.environments[name])
                taken[name] = names_of_others(found.deployed.targets[name], state, orchestrator)
            except TargetError as error:
                raise DeployError(target_problem(found.environments[name], str(error), error.hint)) from error
    return Surroundings(branch, taken)


def narrowed(selection: Selection, saved: Plan) -> Selection:
    """The selection that a saved plan was made with, on these manifests and variables."""
    return replace(
        selection,
        environments=tuple(saved.targets),
        flows=tuple(saved.flows),
        exclude=tuple(saved.exclude),
        adopt=tuple(saved.adopt),
    )


def _plan_of(
    changes: Iterable[Change],
    environments: Mapping[str, Environment],
    selection: Selection,
    against: Baseline | None = None,
) -> Plan:
    return Plan(
        changes=tuple(changes),
        targets={name: environments[name].target.written for name in sorted(environments)},
        flows=selection.flows,
        exclude=selection.exclude,
        adopt=selection.adopt,
        against=against,
        tool_version=__version__,
    )


def _environments(manifests: Manifests, selection: Selection) -> dict[str, Environment]:
    names = selection.environments or manifests.environments
    return {name: manifests.environments[name] for name in sorted(names)}


def _asks_clusters(environments: Mapping[str, Environment], asked: bool | None) -> bool:
    return asked if asked is not None else any(each.check_cluster for each in environments.values())


def _build_beside(
    survey: Survey, manifests: Manifests, selection: Selection, context: Context, *, use_cache: bool, note: bool
) -> DesiredState:
    """Build what the selection asks for while the targets are read: helpers start and work in the meantime.

    Of the pods that a cluster is asked for, every flow has to be compiled: without `use_cache`.
    """
    chosen = manifests.selected(selection)
    with context.compiler(chosen) as compiler:
        context.progress("reading what is deployed")
        cached = usable(chosen, survey.cached()) if use_cache else {}
        compiler.begin(context.progress, {address: each.notes for address, each in cached.items()}, note)
        survey.read()
        return described(manifests, compiler.result(), cached, chosen, context)


def _compiled(desired: DesiredState, changes: Iterable[Change], selection: Selection, context: Context) -> DesiredState:
    """The state with all flows compiled, if one was taken from the cache and its deployment needs it after all."""
    pending = {change.address for change in changes if change.action in ("create", "update", "conflict")}
    if all(item.compiled for item in desired.items if item.deployment.address in pending):
        return desired
    return replace(build_from(desired.manifests, selection, context), diagnostics=desired.diagnostics)


def _without_renamed(
    selection: Selection, listed: Sequence[str], deployed: DeployedState, changes: Sequence[Change], context: Context
) -> tuple[tuple[Change, ...], list[Diagnostic]]:
    """The changes without deletes of what an entry that is not selected writes now, and a warning for each."""
    others = newcomers(selection, listed, deployed.addresses, changes)
    found = build(replace(selection, flows=others, exclude=()), context).items if others else ()
    return spare(changes, found)


def _with_cluster_warnings(
    desired: DesiredState, names: Collection[str], asked: bool | None, context: Context
) -> DesiredState:
    """The state with the warnings of the clusters, whose errors refuse the plan."""
    # The client of Kubernetes takes a second to import, and few plans ask a cluster.
    from deployer.pipeline.cluster_check import check_clusters

    found = check_clusters(desired, names, asked, context)
    if any(problem.severity is Severity.ERROR for problem in found):
        raise DeployError([*desired.diagnostics, *found])
    return replace(desired, diagnostics=(*desired.diagnostics, *sorted(found, key=lambda problem: problem.sort_key)))


def _plan_against(selection: Selection, name: str, context: Context, diff: bool) -> PlanView:
    """The plan from a revision to the working tree. Nothing is written but a temporary folder."""
    desired = build_or_refuse(selection, context)
    revision = find_revision(context.git, selection.manifests, name)
    with checked_out(revision, context) as tree:
        context.progress(f"compiling {name}")
        base = tree.build(selection)
        found = _compare_with(selection, desired, base, Baseline(revision.name, revision.commit))
        texts = sources_against(found, base, tree, context) if diff else {}
    return view_of(with_effects(with_origins(found), found.deployed.since, context), texts)


def _compare_with(
    selection: Selection, desired: DesiredState, base: DesiredState | None, against: Baseline
) -> PlanContext:
    known = [item.address for item in desired.manifests.deployments]
    before = base.manifests if base else None
    refuse_unmatched(selection, [*known, *(item.address for item in (before.deployments if before else ()))])
    environments = _environments(desired.manifests, selection)
    project = desired.manifests.project
    states = tuple(
        baseline.environment_state(name, project, base.items if base else (), before.project if before else "", known)
        for name in environments
    )
    changes = plan_changes(desired.items, states, selection.selects, selection.adopts)
    plan = _plan_of((replace(change, version=None) for change in changes), environments, selection, against)
    targets = {name: each.target.written for name, each in before.environments.items()} if before else {}
    moved = baseline.target_warnings(plan.targets, targets, bool(selection.environments))
    return PlanContext(selection.manifests, plan, desired, DeployedState({}, states), (*desired.warnings, *moved))
