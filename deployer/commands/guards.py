"""What an apply refuses to do unless it is allowed by name."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from deployer.commands.planning import Planned
from deployer.errors import DeployError, Diagnostic, nearest
from deployer.models.plan import Change


def refuse_unguarded(planning: Planned, allowed: Collection[str], mass_change: bool) -> None:
    """Raise DeployError for conflicts, deletes that `protect` forbids, and deleting much of an environment."""
    pending = planning.plan.pending
    problems = [
        *_conflicts(pending),
        *_protected(planning, pending, allowed),
        *(() if mass_change else _mass_deletes(planning, pending)),
    ]
    if problems:
        raise DeployError(problems)


def _conflicts(pending: Collection[Change]) -> Iterator[Diagnostic]:
    for change in pending:
        if change.action == "conflict":
            other = "give the flow a dag_id of its own, move the file away, or leave the flow out with --exclude"
            for reason in change.reasons:
                hint = "; ".join(filter(None, [reason.hint, other]))
                yield Diagnostic("conflict", f"{change.address}: {reason.note}", hint=hint)


def _protected(planning: Planned, pending: Collection[Change], allowed: Collection[str]) -> Iterator[Diagnostic]:
    deletes = [change for change in pending if change.action == "delete"]
    for change in deletes:
        if planning.environments[change.environment].protect and change.address not in allowed:
            yield Diagnostic(
                "protected",
                f"{change.address}: {change.environment} is protected, and this apply would delete {change.dag_id}",
                hint=f"allow it with --allow-delete {change.address}",
            )
    for address in sorted(set(allowed) - {change.address for change in deletes}):
        yield Diagnostic(
            "unknown-address",
            f"--allow-delete {address}: the plan deletes nothing of that address",
            hint=nearest(address, [change.address for change in deletes]),
        )


def _mass_deletes(planning: Planned, pending: Collection[Change]) -> Iterator[Diagnostic]:
    for site in planning.deployed.sites:
        ours = [item for item in site.deployed if item.record and item.record.owner == site.project]
        ours = [item for item in ours if item.record and item.record.environment == site.environment]
        gone = [change for change in pending if change.action == "delete" and change.environment == site.environment]
        # One delete is never a mass; beyond that, a third of what is deployed is more than an edit would mean.
        if len(gone) > 1 and 3 * len(gone) > len(ours):
            yield Diagnostic(
                "mass-change",
                f"{site.environment}: this apply would delete {len(gone)} of {len(ours)} deployed DAGs",
                hint="if that is meant, allow it with --allow-mass-change",
            )
