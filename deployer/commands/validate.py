"""mfdeploy validate: everything that plan would refuse, without looking at a target."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from deployer import desired
from deployer.desired import Progress
from deployer.errors import DeployError, Diagnostic
from deployer.models.selection import Selection


@dataclass(frozen=True)
class ValidateResult:
    """All problems found, errors and warnings, and how many deployments were looked at."""

    diagnostics: Sequence[Diagnostic]
    deployments: int


def validate(selection: Selection, flows: bool = True, progress: Progress | None = None) -> ValidateResult:
    """Check the manifests and, unless `flows` is False, compile what they deploy. Never raises DeployError."""
    try:
        manifests = desired.load_manifests(selection, os.environ)
        addresses = [item.address for item in manifests.deployments]
        chosen = desired.choose(manifests.deployments, selection)
        problems = [*manifests.warnings, *desired.unmatched_patterns(selection, addresses)]
        if flows and not problems_refuse(problems):
            problems = list(desired.build(selection, os.environ, progress or _silent).diagnostics)
        return ValidateResult(problems, len(chosen))
    except DeployError as error:
        return ValidateResult(error.diagnostics, 0)


def problems_refuse(problems: Sequence[Diagnostic]) -> bool:
    return any(problem.severity == "error" for problem in problems)


def _silent(_: str) -> None:
    pass
