"""The pipeline from manifests to described deployments, in one function: load, compile, check, describe."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from deployer.compiler import client
from deployer.context import Context
from deployer.description import describe
from deployer.errors import DeployError, Diagnostic, Severity
from deployer.models.deployment import Deployment
from deployer.models.desired import Desired, DesiredState
from deployer.models.flow import Flow
from deployer.models.manifests import Manifests
from deployer.models.selection import Selection
from deployer.pipeline.check import check_deployment, check_names, check_record_sizes
from deployer.state.cache import CachedDescription, digest_deployment

CachedDescriptions = Mapping[str, CachedDescription]


def build(selection: Selection, context: Context) -> DesiredState:
    """Load, resolve, compile, check, describe. Nothing is written anywhere.

    Problems of flows are returned beside those that are well, so that all are reported at once; problems of the
    manifests themselves raise DeployError, since there is nothing to compile then.
    """
    return build_from(context.load(selection), selection, context)


def build_or_refuse(selection: Selection, context: Context) -> DesiredState:
    """As `build`, but raises DeployError when anything at all is wrong."""
    state = build(selection, context)
    if state.errors:
        raise DeployError(state.diagnostics)
    return state


def build_from(manifests: Manifests, selection: Selection, context: Context) -> DesiredState:
    """As `build`, from manifests that are loaded."""
    with context.compiler(manifests.selected(selection)) as compiler:
        compiler.begin(context.progress)
        return described(manifests, compiler.result(), {}, compiler.deployments, context)


def usable(deployments: Iterable[Deployment], cached: CachedDescriptions) -> CachedDescriptions:
    """The cached descriptions, by address, of deployments whose manifest entries have not changed since."""
    return {
        each.address: cached[each.address]
        for each in deployments
        if each.address in cached and cached[each.address].deployment == digest_deployment(each)
    }


def described(
    manifests: Manifests,
    compiled: client.Compiled,
    cached: CachedDescriptions,
    deployments: Sequence[Deployment],
    context: Context,
) -> DesiredState:
    """The last stages: check what was compiled, and describe it. What is unchanged is described by `cached`."""
    pairs = [(each, compiled.flows[each.address]) for each in deployments if each.address in compiled.flows]
    found = {each.address: check_deployment(each, flow, context) for each, flow in pairs}
    problems = [problem for each in found.values() for problem in each]
    refused = any(problem.severity is Severity.ERROR for problem in problems)
    # A warning must be given each time: the flow that it is about is compiled each time.
    inputs = {address: notes for address, notes in compiled.inputs.items() if not found[address]}
    new = (_describe(each, flow, inputs.get(each.address), context) for each, flow in pairs)
    same = [each for each in deployments if each.address in compiled.unchanged]
    items = () if refused else (*new, *(_from_cache(each, cached[each.address], context) for each in same))
    diagnostics = [*manifests.warnings, *compiled.diagnostics, *problems]
    diagnostics += [*check_names(items), *check_record_sizes(items, context)]
    return DesiredState(manifests, items, _sorted(diagnostics))


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
