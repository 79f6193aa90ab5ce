"""Keeps a destroy to one branch."""

from __future__ import annotations

from collections.abc import Iterable

from deployer.errors import DeployError, Diagnostic
from deployer.models.deployment import Deployment


def refuse_several_branches(deployments: Iterable[Deployment]) -> None:
    """Raise DeployError if the deployments to destroy in one environment belong to several branches.

    Only flows with a `branch:` of their own can: a preview of one of them must not take the others along.
    """
    found: dict[str, dict[str, list[str]]] = {}
    for each in deployments:
        found.setdefault(each.environment.name, {}).setdefault(each.owner_branch.name, []).append(each.name)
    problems = [_several(name, branches) for name, branches in found.items() if len(branches) > 1]
    if problems:
        raise DeployError(problems)


def _several(environment: str, branches: dict[str, list[str]]) -> Diagnostic:
    listed = "; ".join(f"{name or 'no branch'}: {', '.join(branches[name])}" for name in sorted(branches))
    message = f"{environment}: these flows belong to {len(branches)} branches ({listed})"
    hint = "destroy those of one branch: name them with --flow, or leave the others out with --exclude"
    return Diagnostic("several-branches", message, hint=hint)
