"""The pipeline from manifests to described deployments, in one function: load, compile, check, describe."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from deployer.compiler import client
from deployer.context import Context
from deployer.description import describe
from deployer.errors import DeployError, Diagnostic, Severity
from deployer.manifest.load import load_selection
from deployer.models.deployment import Deployment
from deployer.models.desired import Desired, DesiredState
from deployer.models.flow import Flow
from deployer.models.manifests import Manifests
from deployer.models.selection import Selection
from deployer.pipeline.check import check_deployment, check_names, check_record_sizes
from deployer.pipeline.selecting import choose
from deployer.state.cache import CachedDescription, digest_deployment

CachedDescriptions = Mapping[str, CachedDescription]


def nothing_cached() -> CachedDescriptions:
    """For a build that compiles everything."""
    return {}


def nothing_else() -> None:
    """For a caller that has nothing to do while the compiler works."""


def build(selection: Selection, context: Context) -> DesiredState:
    """Load, resolve, compile, check, describe. Nothing is written anywhere.

    Problems of flows are returned beside those that are well, so that all are reported at once; problems of the
    manifests themselves raise DeployError, since there is nothing to compile then.
    """
    return build_from(load_selection(selection, context.environ), selection, context)


def build_or_refuse(selection: Selection, context: Context) -> DesiredState:
    """As `build`, but raises DeployError when anything at all is wrong."""
    state = build(selection, context)
    if state.errors:
        raise DeployError(state.diagnostics)
    return state


def build_from(
    manifests: Manifests,
    selection: Selection,
    context: Context,
    *,
    cached: Callable[[], CachedDescriptions] = nothing_cached,
    while_compiling: Callable[[], None] = nothing_else,
    note_inputs: bool = False,
) -> DesiredState:
    """As `build`, from manifests that are loaded.

    A description that `cached` has by address is taken as it is while none of its inputs has changed; `note_inputs`
    notes the inputs of the others. `cached` is called once, while the compiler starts, `while_compiling` once, while it
    works.
    """
    chosen = choose(manifests.deployments, selection)
    usable: dict[str, CachedDescription] = {}

    def notes() -> dict[str, Mapping[str, Any]]:
        found = cached()
        usable.update({each.address: found[each.address] for each in chosen if _is_current(each, found)})
        return {address: each.notes for address, each in usable.items()}

    compiled = client.compile_flows(
        chosen, context.progress, known=notes, meanwhile=while_compiling, note_inputs=note_inputs
    )
    pairs = [(each, compiled.flows[each.address]) for each in chosen if each.address in compiled.flows]
    found = {each.address: check_deployment(each, flow, context) for each, flow in pairs}
    problems = [problem for each in found.values() for problem in each]
    refused = any(problem.severity is Severity.ERROR for problem in problems)
    # A warning must be given each time: the flow that it is about is compiled each time.
    inputs = {address: notes for address, notes in compiled.inputs.items() if not found[address]}
    new = (_describe(each, flow, inputs.get(each.address), context) for each, flow in pairs)
    same = (_from_cache(each, usable[each.address], context) for each in chosen if each.address in compiled.unchanged)
    items = () if refused else (*new, *same)
    diagnostics = [*manifests.warnings, *compiled.diagnostics, *problems]
    diagnostics += [*check_names(items), *check_record_sizes(items, context)]
    return DesiredState(manifests, items, _sorted(diagnostics))


def _is_current(deployment: Deployment, cached: CachedDescriptions) -> bool:
    found = cached.get(deployment.address)
    return found is not None and found.deployment == digest_deployment(deployment)


def _from_cache(deployment: Deployment, cached: CachedDescription, context: Context) -> Desired:
    file = context.orchestrator(deployment.environment).file_of(cached.name)
    return Desired(deployment, None, cached.name, file, cached.description, cached.notes)


def _describe(deployment: Deployment, flow: Flow, inputs: Mapping[str, Any] | None, context: Context) -> Desired:
    orchestrator = context.orchestrator(deployment.environment)
    schedule = orchestrator.schedule_of(deployment, flow)
    description = describe(deployment, flow, schedule, orchestrator.renderer_version, client.runtime_digest())
    name = orchestrator.name_of(deployment, flow)
    return Desired(deployment, flow, name, orchestrator.file_of(name), description, inputs)


def _sorted(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    return tuple(sorted(set(diagnostics), key=lambda each: each.sort_key))
