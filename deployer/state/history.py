"""The history beside the DAG files: one file for each apply, written once, the oldest of them dropped.

An entry holds the DAG files that its apply replaced or deleted, so that a rollback needs nothing but the target: going
back is undoing entries, the newest first. It is read as data and never run.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import secrets
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from deployer.errors import DeployError, Diagnostic, nearest
from deployer.models.format_1 import upgrade_entry
from deployer.models.history import HISTORY_FORMAT, Entry
from deployer.models.reading import ReadingError, parse_json, read_model
from deployer.models.target import MovedError, Target

MOST_ENTRIES = 50
_MOST_TEXT = 200_000_000  # bytes of DAG files in one entry: a damaged one must not fill the memory
ANY_BYTES = "surrogateescape"  # a file that an apply adopted may be in any encoding
_TIME = "%Y%m%dT%H%M%S"


def entry_file(project: str, environment: str, entry: str) -> str:
    """An entry's name: Airflow takes no file for a DAG that starts with a dot or ends with .json."""
    return f".mfdeploy.{project}.{environment}.{entry}.json"


def list_entries(target: Target, project: str, environment: str) -> Sequence[str]:
    """The ids of the entries at a target, the newest first. Raises TargetError."""
    return [entry for entry, _ in entry_versions(target, project, environment)]


def entry_versions(target: Target, project: str, environment: str) -> Sequence[tuple[str, str]]:
    """The ids of the entries at a target with the versions of their files, the newest first. Raises TargetError."""
    files = target.list(entry_file(project, environment, "*"))
    start = len(entry_file(project, environment, "")) - len(".json")
    return sorted(((file[start : -len(".json")], version) for file, version in files.items()), reverse=True)


def find_entry(given: str, known: Sequence[str]) -> str:
    """The entry that is meant by its id, or by a beginning or end that only it has. Raises DeployError."""
    matches = [entry for entry in known if given and (entry.startswith(given) or entry.endswith(f"-{given}"))]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise DeployError(_problem(f"{given!r} is the beginning of {len(matches)} entries", ", ".join(matches[:5])))
    hint = nearest(given, known) or (f"the newest is {known[0]}" if known else "nothing was applied there yet")
    raise DeployError(_problem(f"the history has no entry {given!r}", f"{hint}; `mfdeploy history` lists them"))


def read_entry(target: Target, project: str, environment: str, entry: str) -> Entry:
    """One entry. Raises TargetError, and DeployError for one that cannot be understood."""
    file = entry_file(project, environment, entry)
    content, _ = target.read(file)
    found = parse_entry(content, file)
    if (found.project, found.environment, found.id) != (project, environment, entry):
        raise DeployError(_unreadable(file, f"it is of {found.project}, {found.environment}, {found.id}"))
    return found


def parse_entry(content: bytes, file: str) -> Entry:
    """The entry in a file's content; `file` names it in messages. Raises DeployError."""
    try:
        return read_model(Entry, parse_json(content), HISTORY_FORMAT, {1: upgrade_entry})
    except json.JSONDecodeError as error:
        raise DeployError(_unreadable(file, "it is not valid JSON")) from error
    except ReadingError as error:
        raise DeployError(_unreadable(file, str(error))) from error


def new_id(known: Sequence[str], now: datetime) -> str:
    """The id of an apply that starts `now` (aware): it sorts after all that are `known`, whatever their clocks said."""
    moment = now.astimezone(timezone.utc)
    for newest in sorted(known)[-1:]:
        moment = max(moment, _moment(newest) + timedelta(milliseconds=1))
    return f"{moment.strftime(_TIME)}{moment.microsecond // 1000:03}Z-{secrets.token_hex(2)}"


def write_entry(target: Target, entry: Entry, earlier: Sequence[tuple[str, str]]) -> None:
    """Put an entry at the target, and drop the oldest of the `earlier` ones beyond MOST_ENTRIES. Raises TargetError.

    `earlier` are ids and versions, the newest first, as they were when the apply began. Another apply may have begun in
    the same millisecond and drawn the same id: then the entry is kept under another one.
    """
    while not _created(target, entry):
        entry = entry.model_copy(update={"id": f"{entry.id.rpartition('-')[0]}-{secrets.token_hex(2)}"})
    for old, version in earlier[MOST_ENTRIES - 1 :]:
        try:
            target.delete(entry_file(entry.project, entry.environment, old), version)
        except MovedError:
            continue  # another apply has dropped it


def _created(target: Target, entry: Entry) -> bool:
    """Whether the entry is at the target; False where another one has its id."""
    file = entry_file(entry.project, entry.environment, entry.id)
    # Not pydantic's JSON: a value may hold half of a character, which that refuses.
    content = f"{json.dumps(entry.model_dump(mode='json'), indent=1)}\n".encode()
    try:
        target.create(file, content)
    except MovedError:
        # Ours, if this apply was interrupted right after it had written it.
        return target.read(file)[0] == content
    return True


def digest(content: bytes) -> str:
    """How an entry names a DAG file: SHA-256 (hex) of all of it, the record included."""
    return hashlib.sha256(content).hexdigest()


def pack(files: Sequence[bytes]) -> str:
    """DAG files as an entry holds them. One stream, since DAG files are much alike."""
    by_digest = {digest(content): content.decode(errors=ANY_BYTES) for content in files}
    return base64.b64encode(zlib.compress(json.dumps(by_digest, sort_keys=True).encode(), 9)).decode()


def unpack(entry: Entry) -> Mapping[str, str]:
    """The DAG files that an entry holds, by digest. Raises DeployError where they are damaged."""
    file = entry_file(entry.project, entry.environment, entry.id)
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
        raise DeployError(_unreadable(file, "the DAG files in it are not those that it names"))
    return dict(texts)


def _bytes(text: object) -> bytes:
    return str(text).encode(errors=ANY_BYTES)


def _moment(entry: str) -> datetime:
    try:
        seconds = datetime.strptime(entry[:15], _TIME).replace(tzinfo=timezone.utc)
        return seconds + timedelta(milliseconds=int(entry[15:18]))
    except ValueError:
        return datetime.min.replace(tzinfo=timezone.utc)  # not named by us: read_entry says so


def _unreadable(file: str, why: str) -> Diagnostic:
    hint = "it was written by another version of mfdeploy, or changed by hand; the DAG files beside it are as they were"
    return Diagnostic("bad-history", f"the history entry {file} cannot be read: {why}", hint=hint)


def _problem(message: str, hint: str) -> Diagnostic:
    return Diagnostic("unknown-entry", message, hint=hint)
