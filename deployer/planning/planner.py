"""Compares desired deployments with deployed files and plans the changes. No IO, no clock, no environment variables."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

from deployer.description import explain
from deployer.models.description import Description, NativeDescription
from deployer.models.desired import Deployed, Desired, EnvironmentState
from deployer.models.plan import Action, Change, Reason, Replaced
from deployer.models.record import Record
from deployer.planning import ownership

Adopts = Callable[[str, str], bool]


def _adopts_nothing(address: str, owner: str) -> bool:
    return False


def plan_changes(
    desired: Sequence[Desired],
    states: Sequence[EnvironmentState],
    selects: Callable[[str], bool] = lambda address: True,
    adopts: Adopts = _adopts_nothing,
) -> tuple[Change, ...]:
    """The changes of the selected addresses, sorted by address and file. Unchanged deployments are included.

    A file that is not ours is a conflict, unless `adopts(address, owner)` is true. The owner is the manifest project
    that deployed the file; it is empty if there is none.
    """
    changes: list[Change] = []
    for state in states:
        wanted = [item for item in desired if item.deployment.environment.name == state.environment]
        wanted_files = {item.file for item in wanted}
        changes += (_plan_one(item, state, wanted_files, adopts) for item in wanted)
        ids = {item.name for item in wanted}
        handled_files = wanted_files | {item.file for item in state.deployed if item.name in ids}
        changes += _plan_deletes(wanted, state, handled_files, selects)
    return tuple(sorted(changes, key=lambda change: (change.address, change.action == "delete", change.file)))


def _plan_one(desired: Desired, state: EnvironmentState, wanted_files: Collection[str], adopts: Adopts) -> Change:
    current = state.files.get(desired.file)
    others = [item for item in state.dags.get(desired.name, ()) if item.file not in wanted_files]
    existing = [*([current] if current else ()), *others]
    foreign = [item for item in existing if not ownership.is_ours(desired, item, state)]
    address = desired.deployment.address
    refused = [item for item in foreign if _is_refused(item, address, state, adopts)]
    if refused:
        conflicts = [ownership.conflict(desired, item, state.project) for item in refused]
        return _change(desired, current, (), "conflict", conflicts)
    if not existing:
        missing = state.remembered.get(desired.file) == address
        note = "the DAG file was removed by hand" if missing else ""
        return _change(desired, None, (), "create", [Reason("missing" if missing else "new", note=note)])
    reasons = [ownership.adopted(desired, item, state.project) for item in foreign]
    reasons += [reason for item in existing if item.record for reason in ownership.manual_edits(desired, current, item)]
    reasons += [reason for item in existing for reason in ownership.recorded_branch(desired, item, state)]
    reasons += _differences(desired, existing)
    return _change(desired, current, others, "update" if reasons else "none", reasons)


def _is_refused(item: Deployed, address: str, state: EnvironmentState, adopts: Adopts) -> bool:
    """Whether a file that is not ours stays as it is, whatever the plan would write there."""
    if item.later or ownership.is_of_other_branch(item, state):
        return True
    return not adopts(address, ownership.owner(item))


def _differences(desired: Desired, existing: Sequence[Deployed]) -> Iterator[Reason]:
    record = _record(desired, existing)
    if record is None:
        return
    changes = explain(record.description, desired.description)
    if changes:
        yield from ownership.rolled_back(record)
    if record.address != desired.deployment.address:
        note = f"the flow's entry was renamed from {record.address} to {desired.deployment.address}"
        yield Reason("moved", note=note)
    yield from changes


def _record(desired: Desired, existing: Sequence[Deployed]) -> Record | None:
    """The record of the DAG, in whichever file it is now."""
    return next((item.record for item in existing if item.record and item.name == desired.name), None)


def _plan_deletes(
    wanted: Sequence[Desired], state: EnvironmentState, handled_files: Collection[str], selects: Callable[[str], bool]
) -> Iterator[Change]:
    """Deletes of our files whose deployment was removed from the manifests, or has another DAG id now."""
    new_ids = {item.deployment.address: item.name for item in wanted}
    for item in state.deployed:
        record = item.record
        if record is None or not state.owns(item) or item.file in handled_files or not selects(record.address):
            continue
        if state.destroy:
            note = "destroy deletes everything that the manifests manage in this environment"
            note += f" for the branch {record.branch}" if record.branch else ""
        elif record.address in new_ids:
            note = f"the DAG id is now {new_ids[record.address]}; the history of {record.name} stays under the old id"
            note += _because_of_branch(wanted, record)
        elif record.address in state.known:
            continue
        else:
            note = "the manifests no longer list it"
        edited = (
            ()
            if item.intact
            else (Reason("drifted", note="the DAG file was edited by hand; the delete discards the edit"),)
        )
        yield Change(
            address=record.address,
            environment=state.environment,
            action="delete",
            name=record.name,
            file=item.file,
            reasons=(Reason("removed", note=note), *(() if state.destroy else ownership.rolled_back(record)), *edited),
            before=record.description,
            version=item.version,
        )


def _because_of_branch(wanted: Sequence[Desired], record: Record) -> str:
    """Why the id of a DAG that was deployed without a branch is another one, and how to keep it."""
    branch = next(item.deployment.own_branch for item in wanted if item.deployment.address == record.address)
    if record.branch is not None or not branch.name:
        return ""
    return f" (the branch {branch.name} is a part of it; without `branch`, or with an empty one, the id stays)"


def _change(
    desired: Desired, current: Deployed | None, others: Sequence[Deployed], action: Action, reasons: Sequence[Reason]
) -> Change:
    existing = [*([current] if current else ()), *others]
    return Change(
        address=desired.deployment.address,
        environment=desired.deployment.environment.name,
        action=action,
        name=desired.name,
        file=desired.file,
        reasons=tuple(reasons),
        before=_deployed_description(desired, existing),
        after=desired.description,
        version=current.version if current else None,
        replaces=tuple(Replaced(item.file, item.version) for item in others),
    )


def _deployed_description(desired: Desired, existing: Sequence[Deployed]) -> Description | NativeDescription | None:
    """The description of the deployed DAG; for a native DAG, the part that its file contains."""
    record = _record(desired, existing)
    if record is not None:
        return record.description
    return next((ownership.describe_native(item.native) for item in existing if item.native), None)
