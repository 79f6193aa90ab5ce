"""The history beside the DAG files: one file for each apply, written once. The oldest ones are deleted.

An entry contains the DAG files that its apply replaced or deleted, so a rollback needs only the target: it undoes
entries, newest first. DAG files in the history are read as data and never run.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import secrets
import zlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any

from deployer.errors import DeployError, Diagnostic, Severity, nearest
from deployer.models.format_1 import upgrade_entry
from deployer.models.history import HISTORY_FORMAT, Entry, EntryArrival
from deployer.models.reading import ReadingError, parse_json, read_model
from deployer.models.target import MovedError, Target

MOST_ENTRIES = 50
_DELETES = 16  # at a time, as the changes of an apply
_MOST_TEXT = 200_000_000  # bytes of DAG files in one entry: a damaged entry must not fill the memory
ANY_BYTES = "surrogateescape"  # a file that an apply adopted may be in any encoding
_LEFT_OUT = "it is left out: restore the file from a copy of the target, or delete it"
# As `EntryId` of the models has it.
_ID = re.compile(r"[0-9]{8}T[0-9]{9}Z-[0-9a-f]{4}\Z")
_TIME = "%Y%m%dT%H%M%S"


def entry_file(project: str, environment: str, entry: str) -> str:
    """The file name of an entry. Airflow ignores files that start with a dot or end with .json."""
    return f".mfdeploy.{project}.{environment}.{entry}.json"


@dataclass(frozen=True)
class Entries:
    """The entries that can be read, newest first, and a warning about each that cannot."""

    read: Sequence[Entry]
    warnings: Sequence[Diagnostic]


def list_entries(target: Target, project: str, environment: str) -> Sequence[str]:
    """The ids of the entries at a target, newest first. Raises TargetError."""
    return [entry for entry, _ in entry_versions(target, project, environment)]


def entry_versions(target: Target, project: str, environment: str) -> Sequence[tuple[str, str]]:
    """The ids of the entries at a target with the versions of their files, newest first. Raises TargetError."""
    found = _files_by_id(target, project, environment)
    return sorted(((entry, version) for entry, version in found.items() if _ID.match(entry)), reverse=True)


def list_with_strays(target: Target, project: str, environment: str) -> tuple[Sequence[str], Sequence[Diagnostic]]:
    """The ids of the entries, newest first, and a warning for each file that is named like one and has no id."""
    found = _files_by_id(target, project, environment)
    strays = sorted(entry_file(project, environment, entry) for entry in found if not _ID.match(entry))
    return sorted(filter(_ID.match, found), reverse=True), [_stray(file) for file in strays]


def _files_by_id(target: Target, project: str, environment: str) -> Mapping[str, str]:
    """The versions of all files that are named like entries, by what stands where an entry has its id."""
    start = len(entry_file(project, environment, "")) - len(".json")
    files = target.list(entry_file(project, environment, "*"))
    return {file[start : -len(".json")]: version for file, version in files.items()}


def read_entries(target: Target, project: str, environment: str, ids: Sequence[str]) -> Entries:
    """Read the entries of these ids, side by side. Raises TargetError.

    One that is damaged is a warning. One that is gone was removed by another apply, as the oldest: it is left out.
    """
    contents = target.read_many([entry_file(project, environment, entry) for entry in ids])
    read: list[Entry] = []
    warnings: list[Diagnostic] = []
    for entry in ids:
        found = contents.get(entry_file(project, environment, entry))
        if found is None:
            continue
        try:
            read.append(_parse_as(found[0], project, environment, entry))
        except DeployError as error:
            warnings += [
                replace(each, severity=Severity.WARNING, hint=f"{_LEFT_OUT}; {each.hint}") for each in error.diagnostics
            ]
    return Entries(read, warnings)


def find_entry(given: str, known: Sequence[str]) -> str:
    """The entry with this id, or with this unique beginning or end of its id. Raises DeployError."""
    matches = [entry for entry in known if given and (entry.startswith(given) or entry.endswith(f"-{given}"))]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise DeployError(_problem(f"{given!r} matches {len(matches)} entries", ", ".join(matches[:5])))
    hint = nearest(given, known) or (f"the newest entry is {known[0]}" if known else "nothing has been applied yet")
    raise DeployError(_problem(f"the history has no entry {given!r}", f"{hint}; `mfdeploy history` lists them"))


def read_entry(target: Target, project: str, environment: str, entry: str) -> Entry:
    """Read one entry. Raises TargetError, and DeployError for an entry that is not valid."""
    content, _ = target.read(entry_file(project, environment, entry))
    return _parse_as(content, project, environment, entry)


def _parse_as(content: bytes, project: str, environment: str, entry: str) -> Entry:
    """Parse the content of the file of this entry. Raises DeployError, also if it is another entry."""
    file = entry_file(project, environment, entry)
    found = parse_entry(content, file)
    if (found.project, found.label, found.id) != (project, environment, entry):
        raise DeployError(_unreadable(file, f"it belongs to {found.project}, {found.label}, {found.id}"))
    return found


def parse_entry(content: bytes, file: str) -> Entry:
    """Parse the content of an entry; `file` is its name in messages. Raises DeployError."""
    try:
        return read_model(Entry, parse_json(content), HISTORY_FORMAT, {1: upgrade_entry})
    except json.JSONDecodeError as error:
        raise DeployError(_unreadable(file, "it is not valid JSON")) from error
    except ReadingError as error:
        raise DeployError(_unreadable(file, str(error))) from error


def new_id(known: Sequence[str], now: datetime) -> str:
    """The id of an apply that starts `now` (aware). It sorts after all `known` ids, even if their clocks were ahead."""
    moment = now.astimezone(timezone.utc)
    for newest in sorted(known)[-1:]:
        with suppress(OverflowError):  # an id at the end of time, which no apply has written
            moment = max(moment, _moment(newest) + timedelta(milliseconds=1))
    return f"{moment.strftime(_TIME)}{moment.microsecond // 1000:03}Z-{secrets.token_hex(2)}"


def write_entry(target: Target, entry: Entry, earlier: Sequence[tuple[str, str]]) -> None:
    """Write an entry to the target, and delete the oldest entries beyond MOST_ENTRIES. Raises TargetError.

    `earlier` are ids and versions, newest first, at the start of the apply. If another apply started in the same
    millisecond and got the same id, the entry is written under another id.
    """
    while not _created(target, entry):
        entry = entry.model_copy(update={"id": f"{entry.id.rpartition('-')[0]}-{secrets.token_hex(2)}"})
    for old, version in earlier[MOST_ENTRIES - 1 :]:
        try:
            target.delete(entry_file(entry.project, entry.label, old), version)
        except MovedError:
            continue  # another apply has deleted it


def delete_entries(target: Target, project: str, environment: str) -> None:
    """Delete the whole history, side by side where each takes requests. Raises TargetError."""

    def delete(found: tuple[str, str]) -> None:
        with suppress(MovedError):  # another apply has deleted it
            target.delete(entry_file(project, environment, found[0]), found[1])

    with ThreadPoolExecutor(1 if target.local else _DELETES) as deletes:
        list(deletes.map(delete, entry_versions(target, project, environment)))


def note_arrivals(target: Target, project: str, environment: str, entry: str, arrivals: Sequence[EntryArrival]) -> None:
    """Add to an entry what the running orchestrator said. Raises TargetError, and DeployError if it is not valid."""
    file = entry_file(project, environment, entry)
    content, version = target.read(file)
    found = parse_entry(content, file)
    target.replace(file, _content(found.model_copy(update={"arrivals": tuple(arrivals)})), version)


def _content(entry: Entry) -> bytes:
    # Not pydantic's JSON, which refuses the lone surrogates that a value may contain.
    left_out = {name for name in ("branch", "arrivals") if not getattr(entry, name)}
    return f"{json.dumps(entry.model_dump(mode='json', exclude=left_out), indent=1)}\n".encode()


def _created(target: Target, entry: Entry) -> bool:
    """Write the entry. False if another entry has its id."""
    file = entry_file(entry.project, entry.label, entry.id)
    content = _content(entry)
    try:
        target.create(file, content)
    except MovedError:
        # It is ours if this apply was interrupted right after it wrote the entry.
        return target.read(file)[0] == content
    return True


def digest(content: bytes) -> str:
    """The key of a DAG file in an entry: the SHA-256 (hex) of its content, including the record."""
    return hashlib.sha256(content).hexdigest()


def pack(files: Sequence[bytes]) -> str:
    """DAG files as an entry stores them: compressed in one stream, because DAG files are very similar."""
    by_digest = {digest(content): content.decode(errors=ANY_BYTES) for content in files}
    return base64.b64encode(zlib.compress(json.dumps(by_digest, sort_keys=True).encode(), 9)).decode()


def unpack(entry: Entry) -> Mapping[str, str]:
    """The DAG files in an entry, by digest. Raises DeployError if they are damaged."""
    file = entry_file(entry.project, entry.label, entry.id)
    try:
        stream = zlib.decompressobj()
        data = stream.decompress(base64.b64decode(entry.texts, validate=True), _MOST_TEXT)
        if not stream.eof:
            raise ValueError("cut off")
        texts: Any = json.loads(data)
        whole = isinstance(texts, dict) and all(digest(_bytes(text)) == name for name, text in texts.items())
    except (ValueError, binascii.Error, zlib.error, RecursionError) as error:
        raise DeployError(_unreadable(file, "the DAG files in it are damaged")) from error
    if not whole:
        raise DeployError(_unreadable(file, "the DAG files in it do not match their digests"))
    return dict(texts)


def _bytes(text: object) -> bytes:
    return str(text).encode(errors=ANY_BYTES)


def _moment(entry: str) -> datetime:
    try:
        seconds = datetime.strptime(entry[:15], _TIME).replace(tzinfo=timezone.utc)
        return seconds + timedelta(milliseconds=int(entry[15:18]))
    except ValueError:
        return datetime.min.replace(tzinfo=timezone.utc)  # not a valid id: read_entry reports it


def _unreadable(file: str, why: str) -> Diagnostic:
    hint = "it was written by another version of mfdeploy or edited by hand; the deployed DAG files are not affected"
    return Diagnostic("bad-history", f"the history entry {file} cannot be read: {why}", hint=hint)


def _stray(file: str) -> Diagnostic:
    message = f"{file} is named like a history entry, and no apply gives such a name: it is left out"
    hint = "delete it from the target, or give it another name"
    return Diagnostic("stray-history", message, hint=hint, severity=Severity.WARNING)


def _problem(message: str, hint: str) -> Diagnostic:
    return Diagnostic("unknown-entry", message, hint=hint)
