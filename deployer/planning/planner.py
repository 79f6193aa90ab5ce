"""What would change, and why: desired and deployed in, plan out. No IO, no clock, no environment."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

from deployer.description import explain
from deployer.models.description import Description, NativeDescription
from deployer.models.desired import Deployed, Desired, EnvironmentState
from deployer.models.plan import Action, Change, Reason, Replaced
from deployer.models.record import Record
from deployer.planning import ownership

Adopts = Callable[[str, str], bool]


def _nothing(address: str, owner: str) -> bool:
    return False


def plan_changes(
    desired: Sequence[Desired],
    sites: Sequence[EnvironmentState],
    selects: Callable[[str], bool] = lambda address: True,
    adopts: Adopts = _nothing,
) -> tuple[Change, ...]:
    """All changes of the selected addresses, those that change nothing included, sorted by address and file.

    What is not ours is a conflict, unless `adopts` says of an address and the project that owns it (empty: none) that
    it is to be taken over.
    """
    changes: list[Change] = []
    for site in sites:
        wanted = [item for item in desired if item.deployment.environment.name == site.environment]
        places = {item.file for item in wanted}
        changes += (_plan_one(item, site, places, adopts) for item in wanted)
        ids = {item.name for item in wanted}
        settled = places | {item.file for item in site.deployed if item.name in ids}
        changes += _plan_deletes(wanted, site, settled, selects)
    return tuple(sorted(changes, key=lambda change: (change.address, change.action == "delete", change.file)))


def _plan_one(desired: Desired, site: EnvironmentState, places: Collection[str], adopts: Adopts) -> Change:
    place = site.files.get(desired.file)
    others = [item for item in site.dags.get(desired.name, ()) if item.file not in places]
    held = [*([place] if place else ()), *others]
    foreign = [item for item in held if not site.owns(item)]
    address = desired.deployment.address
    refused = [item for item in foreign if item.later or not adopts(address, ownership.owner(item))]
    if refused:
        conflicts = [ownership.conflict(desired, item, site.project) for item in refused]
        return _change(desired, place, (), "conflict", conflicts)
    if not held:
        missing = site.remembered.get(desired.file) == address
        note = "the DAG file was removed by hand" if missing else ""
        return _change(desired, None, (), "create", [Reason("missing" if missing else "new", note=note)])
    reasons = [ownership.adopted(desired, item, site.project) for item in foreign]
    reasons += [reason for item in held if item.record for reason in ownership.manual_edits(desired, place, item)]
    reasons += _differences(desired, held)
    return _change(desired, place, others, "update" if reasons else "none", reasons)


def _differences(desired: Desired, held: Sequence[Deployed]) -> Iterator[Reason]:
    record = _record(desired, held)
    if record is None:
        return
    if record.address != desired.deployment.address:
        note = f"the flow's entry was renamed from {record.address} to {desired.deployment.address}"
        yield Reason("moved", note=note)
    yield from explain(record.description, desired.description)


def _record(desired: Desired, held: Sequence[Deployed]) -> Record | None:
    """What was applied to the DAG, wherever it lies now."""
    return next((item.record for item in held if item.record and item.name == desired.name), None)


def _plan_deletes(
    wanted: Sequence[Desired], site: EnvironmentState, settled: Collection[str], selects: Callable[[str], bool]
) -> Iterator[Change]:
    """Ours, and no longer in the manifests; or still there, but under another DAG id now."""
    new_ids = {item.deployment.address: item.name for item in wanted}
    for item in site.deployed:
        record = item.record
        if record is None or not site.owns(item) or item.file in settled or not selects(record.address):
            continue
        if site.destroy:
            note = "everything that the manifests manage here is to go"
        elif record.address in new_ids:
            note = f"the DAG id is now {new_ids[record.address]}; the history of {record.name} stays behind"
        elif record.address in site.known:
            continue
        else:
            note = "the manifests no longer list it"
        lost = (
            () if item.intact else (Reason("drifted", note="the DAG file was edited by hand; the edit goes with it"),)
        )
        yield Change(
            address=record.address,
            environment=site.environment,
            action="delete",
            name=record.name,
            file=item.file,
            reasons=(Reason("removed", note=note), *lost),
            before=record.description,
            version=item.version,
        )


def _change(
    desired: Desired, place: Deployed | None, others: Sequence[Deployed], action: Action, reasons: Sequence[Reason]
) -> Change:
    held = [*([place] if place else ()), *others]
    return Change(
        address=desired.deployment.address,
        environment=desired.deployment.environment.name,
        action=action,
        name=desired.name,
        file=desired.file,
        reasons=tuple(reasons),
        before=_known(desired, held),
        after=desired.description,
        version=place.version if place else None,
        replaces=tuple(Replaced(item.file, item.version) for item in others),
    )


def _known(desired: Desired, held: Sequence[Deployed]) -> Description | NativeDescription | None:
    """The description of what is deployed; of a native DAG the little that it says."""
    record = _record(desired, held)
    if record is not None:
        return record.description
    return next((ownership.describe_native(item.native) for item in held if item.native), None)
