"""The DAG files of an environment as they were right after an entry of its history, by undoing all that came later."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from deployer.errors import DeployError, Diagnostic
from deployer.models.desired import Deployed, EnvironmentState
from deployer.models.history import Entry, KeptChange
from deployer.models.record import Record
from deployer.orchestrators.airflow import record
from deployer.state.history import unpack

Selects = Callable[[str], bool]


@dataclass(frozen=True)
class DagFile:
    """A DAG file of ours: its text without the record, and the record."""

    body: str
    record: Record


@dataclass(frozen=True)
class Touch:
    """What one apply did to one file."""

    entry: Entry
    change: KeptChange


class _Gap(Exception):
    """What the file was is not known; the message says why."""


def find_earlier(
    entry: Entry, entries: Sequence[Entry], site: EnvironmentState, selects: Selects
) -> Mapping[str, DagFile | None]:
    """The files that applies after `entry` changed, as they were before those; None for one that was not there.

    `entries` are all that there are. Raises DeployError for each file whose earlier text cannot be known: an apply
    that was killed leaves no entry, and an edit by hand none either.
    """
    ordered = sorted(entries, key=lambda each: each.id)
    found: dict[str, DagFile | None] = {}
    problems = []
    for file, touches in _touches(ordered, site, selects).items():
        earlier = [touch for touch in touches if touch.entry.id <= entry.id]
        later = [touch for touch in touches if touch.entry.id > entry.id]
        try:
            if later:
                found[file] = _undone(entry, earlier, later[0], site)
            else:
                _check_untouched(entry, earlier, site.files.get(file))
        except _Gap as gap:
            address = _address(touches, site.files.get(file))
            hint = f"leave it out with --exclude {address}, or apply the commit that it was deployed from"
            message = f"{address}: {file} cannot be put back as it was after {entry.id}: {gap}"
            problems.append(Diagnostic("no-earlier-state", message, hint=hint))
    if problems:
        raise DeployError(problems)
    return found


def _touches(ordered: Sequence[Entry], site: EnvironmentState, selects: Selects) -> Mapping[str, Sequence[Touch]]:
    """What was done to each selected file, the oldest first; files that are merely deployed are there too."""
    touches: dict[str, list[Touch]] = {}
    addresses: dict[str, set[str]] = {}
    for item in site.deployed:
        if item.record and (item.record.owner, item.record.environment) == (site.project, site.environment):
            touches.setdefault(item.file, [])
            addresses.setdefault(item.file, set()).add(item.record.address)
    for entry in ordered:
        for change in entry.changes:
            addresses.setdefault(change.file, set()).add(change.address)
            if change.outcome == "done":
                touches.setdefault(change.file, []).append(Touch(entry, change))
    # A file whose flow was renamed is taken by each of its names: half of what was done to it would be no state.
    return {file: touches[file] for file in sorted(touches) if any(map(selects, addresses[file]))}


def _undone(entry: Entry, earlier: Sequence[Touch], first: Touch, site: EnvironmentState) -> DagFile | None:
    """What the first later apply found, once it is sure that this is what `entry` left."""
    if earlier and earlier[-1].change.after != first.change.before:
        raise _Gap(f"{first.entry.id} found another file than {earlier[-1].entry.id} had left")
    if first.change.before is None:
        return None
    if not first.change.file.endswith(".py") or first.change.file.startswith("."):
        raise _Gap("that is no name of a DAG file")
    text = unpack(first.entry).get(first.change.before)
    if text is None:
        raise _Gap(f"{first.entry.id} does not hold it")
    found = _parse(text, site)
    if not earlier:
        _check_age(entry, found.record)
    return found


def _parse(text: str, site: EnvironmentState) -> DagFile:
    try:
        found = record.read(text)
    except record.RecordError as error:
        raise _Gap(str(error)) from error
    if found is None or (found[0].owner, found[0].environment) != (site.project, site.environment):
        raise _Gap("it was not deployed by this project and environment then")
    kept, intact = found
    if not intact:
        raise _Gap("it had been edited by hand, and what was there before is not kept")
    return DagFile(record.body(text), kept)


def _check_age(entry: Entry, kept: Record) -> None:
    """Raise _Gap for a file that was applied after `entry`. Clocks differ: only for what no entry up to it tells of."""
    # Both are UTC in one form, so that text compares as time does.
    if kept.provenance is not None and kept.provenance.applied_at > entry.applied_at:
        who, when = kept.provenance.applied_by, kept.provenance.applied_at
        raise _Gap(f"{who} applied it at {when}, and the history does not tell of that")


def _check_untouched(entry: Entry, earlier: Sequence[Touch], now: Deployed | None) -> None:
    """Raise _Gap for a file that no later entry tells of, and that is not as it was nevertheless."""
    if now is None:
        if earlier and earlier[-1].change.after is not None:
            raise _Gap("it is gone, and no entry tells of that")
        return
    if now.record is None:
        return  # it became somebody else's, and is none of ours to judge
    if not now.intact:
        raise _Gap("it has been edited by hand, and what was there before is not kept")
    applied = now.record.provenance
    if not earlier or applied is None or applied.applied_at != earlier[-1].entry.applied_at:
        _check_age(entry, now.record)


def _address(touches: Sequence[Touch], now: Deployed | None) -> str:
    if now is not None and now.record is not None:
        return now.record.address
    return touches[-1].change.address


def file_of(kept: DagFile, written: Record) -> bytes:
    """The whole DAG file with another record."""
    return record.write(kept.body, written).encode()


def same(kept: DagFile, now: Deployed) -> bool:
    """Whether what is deployed is this file, whoever applied it."""
    if now.record is None or not now.intact:
        return False
    return (now.record.body_digest, now.record.description) == (kept.record.body_digest, kept.record.description)
