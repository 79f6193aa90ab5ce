"""Keeps a plan of a part of the flows from deleting the file of a flow that was renamed and is not in that part."""

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


def spare_for_broken(
    changes: Sequence[Change], broken: Iterable[str], deployed: Collection[str]
) -> tuple[tuple[Change, ...], list[Diagnostic]]:
    """The changes without deletes in environments with a broken flow that is not deployed, and a warning for each.

    Such a flow may be one that was renamed: which DAG file it writes is known only when it compiles.
    """
    unknown: dict[str, str] = {}
    for address in sorted(broken):
        if address not in deployed:
            unknown.setdefault(address.partition("/")[0], address)
    spared = [change for change in changes if change.action == "delete" and change.environment in unknown]
    warnings = [_unknown(change.address, unknown[change.environment]) for change in spared]
    return tuple(change for change in changes if change not in spared), warnings


def _unknown(old: str, broken: str) -> Diagnostic:
    message = f"{old}: its DAG may now belong to {broken}, which is broken, so its delete is not planned"
    return Diagnostic("renamed", message, hint=f"mend {broken} and plan again", severity=Severity.WARNING)


def _warning(old: str, new: str) -> Diagnostic:
    message = f"{old}: its DAG now belongs to {new}, which is not part of this plan, so it is not deleted"
    return Diagnostic("renamed", message, hint=f"include it with --flow {new}", severity=Severity.WARNING)
