"""Finds the DAG files of an environment as they were right after a history entry, by undoing all later entries."""

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
"""The files to restore, by environment and file name."""


@dataclass(frozen=True)
class FileChange:
    """One change of a file, with the entry of the apply that made it."""

    entry: Entry
    change: KeptChange


class _UnknownStateError(Exception):
    """The earlier content of a file is unknown; the message says why."""


def find_earlier(
    entry: Entry, entries: Sequence[Entry], state: EnvironmentState, selects: Selects, reader: FileReader
) -> Mapping[str, RestoredFile | None]:
    """The files that were changed after `entry`, as they were at `entry`; None for a file that did not exist.

    `entries` is the whole history. Raises DeployError for each file whose earlier content is unknown: an apply that
    was killed leaves no entry, and neither does a manual edit.
    """
    ordered = sorted(entries, key=lambda item: item.id)
    found: dict[str, RestoredFile | None] = {}
    problems = []
    for file, file_changes in _file_changes(ordered, state, selects).items():
        earlier = [change for change in file_changes if change.entry.id <= entry.id]
        later = [change for change in file_changes if change.entry.id > entry.id]
        try:
            if later:
                found[file] = _undone(entry, earlier, later[0], state, reader)
            else:
                _check_untouched(entry, earlier, state.files.get(file))
        except _UnknownStateError as error:
            address = _address(file_changes, state.files.get(file))
            hint = f"exclude it with --exclude {address}, or apply the commit that it was deployed from"
            message = f"{address}: {file} cannot be restored as it was after {entry.id}: {error}"
            problems.append(Diagnostic("no-earlier-state", message, hint=hint))
    if problems:
        raise DeployError(problems)
    return found


def _file_changes(
    ordered: Sequence[Entry], state: EnvironmentState, selects: Selects
) -> Mapping[str, Sequence[FileChange]]:
    """The changes of each selected file, oldest first. A deployed file that no entry mentions has no changes."""
    file_changes: dict[str, list[FileChange]] = {}
    addresses: dict[str, set[str]] = {}
    for item in state.deployed:
        if item.record and state.owns(item):
            file_changes.setdefault(item.file, [])
            addresses.setdefault(item.file, set()).add(item.record.address)
    for entry in ordered:
        for change in entry.changes:
            addresses.setdefault(change.file, set()).add(change.address)
            if change.outcome == "done":
                file_changes.setdefault(change.file, []).append(FileChange(entry, change))
    # The file of a renamed flow is selected by any of its addresses: undoing only a part of its changes is wrong.
    return {file: file_changes[file] for file in sorted(file_changes) if any(map(selects, addresses[file]))}


def _undone(
    entry: Entry, earlier: Sequence[FileChange], first: FileChange, state: EnvironmentState, reader: FileReader
) -> RestoredFile | None:
    """The file that the first later apply replaced, after a check that `entry` left exactly this file."""
    if earlier and earlier[-1].change.after != first.change.before:
        raise _UnknownStateError(f"{first.entry.id} did not find the file as {earlier[-1].entry.id} had left it")
    if first.change.before is None:
        return None
    if not fnmatchcase(first.change.file, reader.file_pattern) or first.change.file.startswith("."):
        raise _UnknownStateError("that is not a valid name for a DAG file")
    text = unpack(first.entry).get(first.change.before)
    if text is None:
        raise _UnknownStateError(f"{first.entry.id} does not contain its earlier content")
    found = _parse(first.change.file, text, state, reader)
    if not earlier:
        _check_age(entry, found.record)
    return found


def _parse(file: str, text: str, state: EnvironmentState, reader: FileReader) -> RestoredFile:
    found = reader.read(file, text.encode(errors=ANY_BYTES), "")
    if found.problem:
        raise _UnknownStateError(found.problem)
    if found.record is None or not state.owns(found):
        raise _UnknownStateError("at that time it was not deployed by this project and environment")
    if not found.intact:
        raise _UnknownStateError("it had been edited by hand, and its content before the edit was not saved")
    return RestoredFile(reader.body_of(text), found.record)


def _check_age(entry: Entry, record: Record) -> None:
    """Raise _UnknownStateError if the record says that the file was applied after `entry`.

    The clocks of two machines may differ, so this is used only for files that no entry up to `entry` mentions.
    """
    # Both are UTC in the same format, so comparing the strings compares the times.
    if record.provenance is not None and record.provenance.applied_at > entry.applied_at:
        who, when = record.provenance.applied_by, record.provenance.applied_at
        raise _UnknownStateError(f"{who} applied it at {when}, but the history has no entry of that apply")


def _check_untouched(entry: Entry, earlier: Sequence[FileChange], now: Deployed | None) -> None:
    """Raise _UnknownStateError if a file changed after `entry` although no later entry mentions it."""
    if now is None:
        if earlier and earlier[-1].change.after is not None:
            raise _UnknownStateError("it was deleted, but the history has no entry of that")
        return
    if now.record is None:
        return  # the file is no longer ours
    if not now.intact:
        raise _UnknownStateError("it was edited by hand, and its content before the edit was not saved")
    applied = now.record.provenance
    if not earlier or applied is None or applied.applied_at != earlier[-1].entry.applied_at:
        _check_age(entry, now.record)


def _address(file_changes: Sequence[FileChange], now: Deployed | None) -> str:
    if now is not None and now.record is not None:
        return now.record.address
    return file_changes[-1].change.address


def restored_content(
    plan_context: PlanContext, files: RestoredFiles, provenance: Provenance, embed: Callable[[str, Record], str]
) -> dict[tuple[str, str], bytes]:
    """The files to write: as they were, with a new provenance that keeps the commit of their code.

    Each record names the entry that the plan goes back to, so that the next plan can say that it would undo that.
    """
    entry = plan_context.plan.rollback
    keys = [(change.environment, change.file) for change in plan_context.plan.pending if change.writes]
    return {key: embed(files[key].body, _applied(files[key].record, provenance, entry)).encode() for key in keys}


def _applied(record: Record, provenance: Provenance, entry: str) -> Record:
    commit = record.provenance.commit if record.provenance else None
    return replace(record, provenance=replace(provenance, commit=commit), restored=entry)
