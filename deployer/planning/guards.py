"""What an apply refuses to do unless it is allowed by name."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from deployer.commands.planning import PlanContext
from deployer.errors import DeployError, Diagnostic, Severity, nearest
from deployer.models.plan import Change
from deployer.planning.foreign import taken_ids
from deployer.vcs.git import Git
from deployer.vcs.repository import branch_of


@dataclass(frozen=True)
class Permissions:
    """What the user allows by name: deletes of protected addresses, deleting much of an environment at once, and a
    branch that the environment does not name."""

    delete: tuple[str, ...] = ()
    mass_change: bool = False
    branch: bool = False


def refuse_unguarded(planning: PlanContext, permissions: Permissions) -> None:
    """Raise DeployError for conflicts, deletes that `protect` forbids, and deleting much of an environment."""
    pending = planning.plan.pending
    problems = [
        *_conflicts(pending),
        *_protected(planning, pending, permissions.delete),
        *taken_ids(planning),
        *(() if permissions.branch else other_branch(planning, os.environ)),
        *(() if permissions.mass_change else _mass_deletes(planning, pending)),
    ]
    if problems:
        raise DeployError(problems)


def guard_warnings(planning: PlanContext) -> list[Diagnostic]:
    """What an apply of this plan would refuse that the plan itself does not show: whoever reviews it may be another
    than who applies it."""
    pending = planning.plan.pending
    found = [*_protected(planning, pending, ()), *_mass_deletes(planning, pending)]
    return [
        *(replace(each, severity=Severity.WARNING) for each in found),
        *taken_ids(planning, Severity.WARNING),
        *other_branch(planning, os.environ, Severity.WARNING),
    ]


def other_branch(
    planning: PlanContext, environ: Mapping[str, str], severity: Severity = Severity.ERROR
) -> Iterator[Diagnostic]:
    """Environments with changes that may not be applied from the branch that is checked out: the plan warns of them."""
    names = sorted({change.environment for change in planning.plan.pending})
    guarded = [planning.environments[name] for name in names if planning.environments[name].branches]
    branch = branch_of(Git(environ), planning.folder, environ) if guarded else None
    for environment in guarded:
        if branch is None or not any(fnmatchcase(branch, pattern) for pattern in environment.branches):
            here = f"this is {branch}" if branch else "no branch is checked out here"
            yield Diagnostic(
                "other-branch",
                f"{environment.name} is applied from {' or '.join(environment.branches)} only, and {here}",
                environment.location,
                f"environments.{environment.name}.branches",
                hint="merge first, or allow it once with --allow-branch",
                severity=severity,
            )


def _conflicts(pending: Collection[Change]) -> Iterator[Diagnostic]:
    for change in pending:
        if change.action == "conflict":
            other = "give the flow a dag_id of its own, move the file away, or leave the flow out with --exclude"
            for reason in change.reasons:
                hint = "; ".join(filter(None, [reason.hint, other]))
                yield Diagnostic("conflict", f"{change.address}: {reason.note}", hint=hint)


def _protected(planning: PlanContext, pending: Collection[Change], allowed: Collection[str]) -> Iterator[Diagnostic]:
    deletes = [change for change in pending if change.action == "delete"]
    for change in deletes:
        if planning.environments[change.environment].protect and change.address not in allowed:
            yield Diagnostic(
                "protected",
                f"{change.address}: {change.environment} is protected, and an apply would delete {change.dag_id}",
                hint=f"allow it with --allow-delete {change.address}",
            )
    for address in sorted(set(allowed) - {change.address for change in deletes}):
        yield Diagnostic(
            "unknown-address",
            f"--allow-delete {address}: the plan deletes nothing of that address",
            hint=nearest(address, [change.address for change in deletes]),
        )


def _mass_deletes(planning: PlanContext, pending: Collection[Change]) -> Iterator[Diagnostic]:
    for site in planning.deployed.sites:
        ours = [item for item in site.deployed if item.record and item.record.owner == site.project]
        ours = [item for item in ours if item.record and item.record.environment == site.environment]
        gone = [change for change in pending if change.action == "delete" and change.environment == site.environment]
        # One delete is never a mass; beyond that, a third of what is deployed is more than an edit would mean.
        if len(gone) > 1 and 3 * len(gone) > len(ours):
            yield Diagnostic(
                "mass-change",
                f"{site.environment}: an apply would delete {len(gone)} of {len(ours)} deployed DAGs",
                hint="if that is meant, allow it with --allow-mass-change",
            )
