"""Says of a create that a rollback deleted the deployment: without its file, only the history knows that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from deployer.models.deployment import Environment
from deployer.models.history import Entry
from deployer.models.plan import Change, Reason
from deployer.models.target import Target, TargetError
from deployer.state.history import list_entries, read_entries
from deployer.state.survey import DeployedState

# A plan reads few entries: what was rolled back long ago is news to nobody.
MOST_ENTRIES = 3


def with_rolled_back(
    changes: Sequence[Change], deployed: DeployedState, environments: Mapping[str, Environment]
) -> tuple[Change, ...]:
    """The same changes; those that create what a rollback deleted last say so.

    Reads the newest entries of an environment if something is new there and something was applied to it before. A
    history that cannot be read stops no plan.
    """
    names = {change.environment for change in changes if _is_new(change)}
    used = {state.environment for state in deployed.states if state.deployed or state.remembered}
    entries = {name: _newest(deployed.targets[name], environments[name]) for name in sorted(names & used)}
    return tuple(
        _explained(change, entries.get(change.environment, ())) if _is_new(change) else change for change in changes
    )


def _is_new(change: Change) -> bool:
    return change.action == "create" and any(reason.word == "new" for reason in change.reasons)


def _newest(target: Target, environment: Environment) -> Sequence[Entry]:
    with suppress(TargetError):
        known = list_entries(target, environment.project, environment.label)[:MOST_ENTRIES]
        return read_entries(target, environment.project, environment.label, known).read
    return ()


def _explained(change: Change, entries: Iterable[Entry]) -> Change:
    """The change with a reason if the newest entry that wrote or deleted its file is a rollback."""
    for entry in entries:
        if any(each.file == change.file and each.outcome == "done" for each in entry.changes):
            if entry.restored is None:
                return change
            note = f"rolled back to {entry.restored} by {entry.applied_by} at {entry.applied_at}; an apply undoes that"
            return replace(change, reasons=(*change.reasons, Reason("restored", note=note)))
    return change
