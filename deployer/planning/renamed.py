"""Keeps a plan with --flow or --exclude from deleting the file of a flow that was renamed and is not selected."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from deployer.errors import Diagnostic, Severity
from deployer.models.desired import Desired
from deployer.models.plan import Change
from deployer.models.selection import Selection


def unselected_new(
    selection: Selection, listed: Iterable[str], deployed: Collection[str], changes: Iterable[Change]
) -> tuple[str, ...]:
    """The addresses of the manifests that are not selected and not deployed; empty if the changes delete nothing.

    Without a delete it does not matter which files these deployments write, and finding out means to compile them.
    """
    if not any(change.action == "delete" for change in changes):
        return ()
    return tuple(address for address in listed if address not in deployed and not selection.selects(address))


def spare(changes: Sequence[Change], others: Iterable[Desired]) -> tuple[tuple[Change, ...], list[Diagnostic]]:
    """The changes without deletes of files that `others` write, and a warning for each delete that is left out."""
    writers = {(item.deployment.environment.name, item.file): item.deployment.address for item in others}
    spared = [
        change for change in changes if change.action == "delete" and (change.environment, change.file) in writers
    ]
    warnings = [_warning(change.address, writers[change.environment, change.file]) for change in spared]
    return tuple(change for change in changes if change not in spared), warnings


def _warning(old: str, new: str) -> Diagnostic:
    message = f"{old}: its DAG now belongs to {new}, which is not part of this plan, so it is not deleted"
    return Diagnostic("renamed", message, hint=f"include it with --flow {new}", severity=Severity.WARNING)
