"""A narrowed plan does not delete what belongs to an entry that has another name now and is not selected under it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from deployer.errors import Diagnostic, Severity
from deployer.models.desired import Desired
from deployer.models.plan import Change
from deployer.models.selection import Selection


def newcomers(
    selection: Selection, listed: Iterable[str], deployed: Collection[str], changes: Iterable[Change]
) -> tuple[str, ...]:
    """Addresses of the manifests that are not selected, and under which nothing is deployed.

    None where the changes delete nothing: which files they write is known only from their code, and not needed then.
    """
    if not any(change.action == "delete" for change in changes):
        return ()
    return tuple(each for each in listed if each not in deployed and not selection.selects(each))


def spare(changes: Sequence[Change], others: Iterable[Desired]) -> tuple[tuple[Change, ...], list[Diagnostic]]:
    """The changes without deletes of files that these others write, and a warning for each that is left out."""
    writers = {(item.deployment.environment.name, item.file): item.deployment.address for item in others}
    spared = [each for each in changes if each.action == "delete" and (each.environment, each.file) in writers]
    warnings = [_warning(each.address, writers[each.environment, each.file]) for each in spared]
    return tuple(each for each in changes if each not in spared), warnings


def _warning(old: str, new: str) -> Diagnostic:
    message = f"{old}: its DAG belongs to {new} now, which is not planned here: it stays as it is"
    return Diagnostic("renamed", message, hint=f"plan it with --flow {new}", severity=Severity.WARNING)
