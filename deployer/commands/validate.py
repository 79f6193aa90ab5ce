"""mfdeploy validate: everything that plan would refuse, without looking at a target."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from deployer.errors import DeployError, Diagnostic
from deployer.manifest.load import load_selection
from deployer.models.deployment import Environment
from deployer.models.progress import Progress, silent
from deployer.models.selection import Selection


@dataclass(frozen=True)
class ValidateResult:
    """All problems found, errors and warnings, and how many deployments were looked at."""

    diagnostics: Sequence[Diagnostic]
    deployments: int


def validate(selection: Selection, flows: bool = True, progress: Progress = silent) -> ValidateResult:
    """Check the manifests and, unless `flows` is False, compile what they deploy. Never raises DeployError."""
    try:
        manifests = load_selection(selection, os.environ)
        # An error in a manifest, which is what an editor waits for, is told before this is imported.
        from deployer.pipeline import build as desired

        addresses = [item.address for item in manifests.deployments]
        chosen = desired.choose(manifests.deployments, selection)
        problems = [*manifests.warnings, *desired.unmatched_patterns(selection, addresses)]
        targets = list(_targets(manifests.environments.values()))
        if flows and not problems_refuse(problems):
            problems = list(desired.build_from(manifests, selection, progress).diagnostics)
        problems += targets
        return ValidateResult(problems, len(chosen))
    except DeployError as error:
        return ValidateResult(error.diagnostics, 0)


def _targets(environments: Iterable[Environment]) -> Iterator[Diagnostic]:
    """The targets that are none; whether one can be reached is the plan's to find out."""
    from deployer.targets.registry import open_target

    for environment in environments:
        try:
            open_target(environment)
        except DeployError as error:
            yield from error.diagnostics


def problems_refuse(problems: Sequence[Diagnostic]) -> bool:
    return any(problem.severity == "error" for problem in problems)
