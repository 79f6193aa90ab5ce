"""The DAG files of an environment as they were right after an entry of its history, by undoing all that came later."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from deployer.errors import DeployError, Diagnostic
from deployer.models.desired import Deployed, EnvironmentState, RestoredFile
from deployer.models.history import Entry, KeptChange
from deployer.models.record import Provenance, Record
from deployer.plan_context import PlanContext
from deployer.state.history import ANY_BYTES, unpack
from deployer.state.survey import FileReader

Selects = Callable[[str], bool]
RestoredFiles = Mapping[tuple[str, str], RestoredFile]
"""The files to put back, by environment and file name."""


@dataclass(frozen=True)
class Touch:
    """What one apply did to one file."""

    entry: Entry
    change: KeptChange


class _Gap(Exception):
    """What the file was is not known; the message says why."""


def find_earlier(
    entry: Entry, entries: Sequence[Entry], site: EnvironmentState, selects: Selects, reader: FileReader
) -> Mapping[str, RestoredFile | None]:
    """The files that applies after `entry` changed, as they were before those; None for one that was not there.

    `entries` are all that there are. Raises DeployError for each file whose earlier text cannot be known: an apply
    that was killed leaves no entry, and an edit by hand none either.
    """
    ordered = sorted(entries, key=lambda each: each.id)
    found: dict[str, RestoredFile | None] = {}
    problems = []
    for file, touches in _touches(ordered, site, selects).items():
        earlier = [touch for touch in touches if touch.entry.id <= entry.id]
        later = [touch for touch in touches if touch.entry.id > entry.id]
        try:
            if later:
                found[file] = _undone(entry, earlier, later[0], site, reader)
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
        if item.record and site.owns(item):
            touches.setdefault(item.file, [])
            addresses.setdefault(item.file, set()).add(item.record.address)
    for entry in ordered:
        for change in entry.changes:
            addresses.setdefault(change.file, set()).add(change.address)
            if change.outcome == "done":
                touches.setdefault(change.file, []).append(Touch(entry, change))
    # A file whose flow was renamed is taken by each of its names: half of what was done to it would be no state.
    return {file: touches[file] for file in sorted(touches) if any(map(selects, addresses[file]))}


def _undone(
    entry: Entry, earlier: Sequence[Touch], first: Touch, site: EnvironmentState, reader: FileReader
) -> RestoredFile | None:
    """What the first later apply found, once it is sure that this is what `entry` left."""
    if earlier and earlier[-1].change.after != first.change.before:
        raise _Gap(f"{first.entry.id} found another file than {earlier[-1].entry.id} had left")
    if first.change.before is None:
        return None
    if not fnmatchcase(first.change.file, reader.file_pattern) or first.change.file.startswith("."):
        raise _Gap("that is not a valid name of a DAG file")
    text = unpack(first.entry).get(first.change.before)
    if text is None:
        raise _Gap(f"{first.entry.id} does not hold it")
    found = _parse(first.change.file, text, site, reader)
    if not earlier:
        _check_age(entry, found.record)
    return found


def _parse(file: str, text: str, site: EnvironmentState, reader: FileReader) -> RestoredFile:
    found = reader.read(file, text.encode(errors=ANY_BYTES), "")
    if found.problem:
        raise _Gap(found.problem)
    if found.record is None or not site.owns(found):
        raise _Gap("it was not deployed by this project and environment then")
    if not found.intact:
        raise _Gap("it had been edited by hand, and what was there before is not kept")
    return RestoredFile(reader.body_of(text), found.record)


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


def restored_content(
    plan: PlanContext, files: RestoredFiles, provenance: Provenance, embed: Callable[[str, Record], str]
) -> dict[tuple[str, str], bytes]:
    """The files to write: as they were, but for who applied them and when. The commit stays that of their code."""
    keys = [(change.environment, change.file) for change in plan.plan.pending if change.writes]
    return {key: embed(files[key].body, _applied(files[key].record, provenance)).encode() for key in keys}


def _applied(record: Record, provenance: Provenance) -> Record:
    commit = record.provenance.commit if record.provenance else None
    return replace(record, provenance=replace(provenance, commit=commit))
