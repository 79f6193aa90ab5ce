"""mfdeploy validate: everything that plan would refuse, without reading any target."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from deployer.context import Context
from deployer.errors import DeployError, Diagnostic
from deployer.models.deployment import Environment
from deployer.models.selection import Selection
from deployer.pipeline.build import build_from
from deployer.pipeline.policies import check_policies, compile_policies
from deployer.pipeline.selecting import unmatched_patterns
from deployer.pipeline.unlisted import unlisted_flows


@dataclass(frozen=True)
class ValidateResult:
    """All errors and warnings, and the number of checked deployments."""

    diagnostics: Sequence[Diagnostic]
    deployments: int


def validate(selection: Selection, context: Context, *, flows: bool = True) -> ValidateResult:
    """Check the manifests and, unless `flows` is False, compile what they deploy. Never raises DeployError."""
    targets: list[Diagnostic] = []
    try:
        manifests = context.load(selection)
        compile_policies(manifests)
        addresses = manifests.addresses
        chosen = manifests.selected(selection)
        problems = list(unmatched_patterns(selection, addresses))
        targets += _targets(manifests.environments.values(), context)
        if flows and not problems:
            desired = build_from(manifests, selection, context)
            found = (*desired.diagnostics, *check_policies(desired.items, manifests, context))
        else:
            found = (*manifests.diagnostics, *problems)
        unlisted = unlisted_flows(manifests, selection, context)
        return ValidateResult([*found, *targets, *unlisted], len(chosen))
    except DeployError as error:
        # For an unknown orchestrator nothing is described, and that is said there, too.
        return ValidateResult(list(dict.fromkeys([*error.diagnostics, *targets])), 0)


def _targets(environments: Iterable[Environment], context: Context) -> Iterator[Diagnostic]:
    """Unknown kinds of targets and unknown orchestrators. Whether a target can be reached is not checked."""
    for environment in environments:
        for look_up in (context.target, context.orchestrator):
            try:
                look_up(environment)
            except DeployError as error:
                yield from error.diagnostics
