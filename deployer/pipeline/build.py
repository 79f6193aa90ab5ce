"""The pipeline from manifests to described deployments: load, compile, check, describe."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from deployer.compiler import client
from deployer.context import Context
from deployer.description import describe, starts
from deployer.errors import DeployError, Diagnostic, Severity
from deployer.models.deployment import Deployment
from deployer.models.desired import Desired, DesiredState
from deployer.models.flow import Flow
from deployer.models.manifests import Manifests
from deployer.models.selection import Selection
from deployer.pipeline.check import check_deployment, check_names, check_record_sizes
from deployer.state.cache import CachedDescription, digest_deployment

if TYPE_CHECKING:
    from deployer.state.survey import Survey

CachedDescriptions = Mapping[str, CachedDescription]


def build(selection: Selection, context: Context) -> DesiredState:
    """Load, compile, check and describe a selection. Writes nothing.

    Problems of flows are returned with the state, so that all are reported at once. Problems of the manifests raise
    DeployError, because nothing can be compiled then.
    """
    return build_from(context.load(selection), selection, context)


def build_or_refuse(selection: Selection, context: Context) -> DesiredState:
    """Like `build`, but raises DeployError if there is any error."""
    state = build(selection, context)
    if state.errors:
        raise DeployError(state.diagnostics)
    return state


def build_from(manifests: Manifests, selection: Selection, context: Context) -> DesiredState:
    """Like `build`, from loaded manifests."""
    with context.compiler(manifests.selected(selection)) as compiler:
        compiler.begin(context.progress)
        return described(manifests, compiler.result(), {}, compiler.deployments, context)


def build_during(
    survey: Survey, manifests: Manifests, selection: Selection, context: Context, *, use_cache: bool, note: bool = False
) -> DesiredState:
    """Build the selected deployments. The compiler works in other processes while this one reads the targets.

    A cluster check needs the pods of every flow, so it needs every flow compiled: `use_cache` is False then. `note` is
    for an apply, which saves in the index what each description was made from.
    """
    deployments = manifests.selected(selection)
    with context.compiler(deployments) as compiler:
        context.progress("reading what is deployed")
        cached = usable(deployments, survey.cached()) if use_cache else {}
        compiler.begin(context.progress, {address: item.notes for address, item in cached.items()}, note)
        survey.read()
        return described(manifests, compiler.result(), cached, deployments, context)


def usable(deployments: Iterable[Deployment], cached: CachedDescriptions) -> CachedDescriptions:
    """The cached descriptions of deployments whose manifest entries have not changed, by address."""
    return {
        deployment.address: cached[deployment.address]
        for deployment in deployments
        if deployment.address in cached and cached[deployment.address].deployment == digest_deployment(deployment)
    }


def described(
    manifests: Manifests,
    compiled: client.Compiled,
    cached: CachedDescriptions,
    deployments: Sequence[Deployment],
    context: Context,
) -> DesiredState:
    """The last stages: check and describe the compiled flows. Unchanged flows get their description from `cached`.

    A deployment with an error is left out of the items.
    """
    pairs = [
        (
            deployment,
            context.orchestrator(deployment.environment).in_branch(deployment, compiled.flows[deployment.address]),
        )
        for deployment in deployments
        if deployment.address in compiled.flows
    ]
    found = {deployment.address: check_deployment(deployment, flow, context) for deployment, flow in pairs}
    problems = [problem for checked in found.values() for problem in checked]
    broken = {address: list(errors) for address, errors in compiled.errors.items()}
    _add_errors(broken, found)
    # A flow with a warning is compiled each time (its inputs are not noted), so that the warning is repeated.
    inputs = {address: notes for address, notes in compiled.inputs.items() if not found[address]}
    new = (
        _describe(deployment, flow, inputs.get(deployment.address), context)
        for deployment, flow in pairs
        if deployment.address not in broken
    )
    unchanged = [deployment for deployment in deployments if deployment.address in compiled.unchanged]
    reused = (_from_cache(deployment, cached[deployment.address], context) for deployment in unchanged)
    items = (*new, *reused)
    cycles = starts.cycle_problems(items, starts.desired_links(items))
    of_items = [*check_names(items), *check_record_sizes(items, context), *cycles]
    _add_errors(broken, {address: [problem] for address, problem in of_items})
    diagnostics = [*manifests.diagnostics, *compiled.diagnostics, *problems, *(problem for _, problem in of_items)]
    whole = tuple(item for item in items if item.deployment.address not in broken)
    return DesiredState(manifests, whole, _sorted(diagnostics), broken)


def _add_errors(broken: dict[str, list[Diagnostic]], found: Mapping[str, Iterable[Diagnostic]]) -> None:
    """Add the errors in `found`, by address."""
    for address, problems in found.items():
        errors = [problem for problem in problems if problem.severity is Severity.ERROR]
        if errors:
            broken.setdefault(address, []).extend(errors)


def _from_cache(deployment: Deployment, cached: CachedDescription, context: Context) -> Desired:
    file = context.orchestrator(deployment.environment).file_of(cached.name)
    return Desired(deployment, None, cached.name, file, cached.description, cached.notes)


def _describe(deployment: Deployment, flow: Flow, inputs: Mapping[str, Any] | None, context: Context) -> Desired:
    orchestrator = context.orchestrator(deployment.environment)
    schedule = orchestrator.schedule_of(deployment, flow)
    name = orchestrator.name_of(deployment, flow)
    description = describe(deployment, flow, schedule, orchestrator.renderer_version, client.runtime_digest(), name)
    return Desired(deployment, flow, name, orchestrator.file_of(name), description, inputs)


def _sorted(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    return tuple(sorted(set(diagnostics), key=lambda diagnostic: diagnostic.sort_key))
