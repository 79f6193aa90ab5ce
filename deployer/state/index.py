"""The index beside the DAG files: which files an apply left there and, where reading them is slow, what they say.

It is a cache. The records in the DAG files are the state: what the index says of a file counts only for the version
that the target lists, and without an index a file that is gone merely looks new.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from deployer.models.desired import Deployed
from deployer.models.record_data import from_data, to_data
from deployer.models.target import MovedError, Target

INDEX_FORMAT = 2
_ATTEMPTS = 50
# How many files may be other than the index says, of at least ten times as many.
_MOST_STALE = 16
_Entries = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Index:
    """What an index said when it was read: an entry for each file, as it stands in the JSON document.

    `version` is the target's version of it; None where there is none.
    """

    entries: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    version: str | None = None

    @property
    def remembered(self) -> Mapping[str, str]:
        """Addresses by file, of the files that an apply of ours left there."""
        return {file: entry["address"] for file, entry in self.entries.items() if entry.get("address")}

    def deployed(self, file: str, version: str) -> Deployed | None:
        """What the file of this version holds; None when the index does not know this version."""
        entry = self.entries.get(file, {})
        return _deployed(file, version, entry) if entry.get("version") == version else None


def index_file(project: str, environment: str) -> str:
    """The index's name: one for each owner, so that two projects at one target never write the same one."""
    return f".mfdeploy.{project}.{environment}.json"


def read_index(target: Target, project: str, environment: str) -> Index:
    """The index as the last apply left it; an empty one when there is none, or none that can be read."""
    return Index(*_read(target, index_file(project, environment)))


def update_index(
    target: Target,
    project: str,
    environment: str,
    changes: Mapping[str, Deployed | None],
    seen: Iterable[Deployed] = (),
    before: Index | None = None,
    made_from: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Note the files that were written and deleted (None), in one conditional write. Raises TargetError.

    `seen` is what the target held when `before` was read: noted too where reading is slow, so that the next plan need
    not read it. Another apply may have written the index since: then all is noted again in what that wrote, and what it
    says of a file since `before` stays. `made_from` says by file what its description was made from (see `cache`).

    A few files of many that were only updated are not noted: the index grows with what exists, and to read and compile
    a few anew takes the next plan less time than it takes to write all of that.
    """
    file = index_file(project, environment)
    owner = (project, environment)
    new = made_from or {}
    written = {name: _with(_entry(each, owner, target.local), new.get(name)) for name, each in changes.items() if each}
    old = before.entries if before else {}
    known = {
        each.file: _with(
            _noted(old.get(each.file, {}), each.version) or _entry(each, owner, target.local),
            new.get(each.file, old.get(each.file, {}).get("made_from")),
        )
        for each in seen
        if not target.local or each.file in old or each.file in new
    }
    entries, version = (before.entries, before.version) if before else _read(target, file)
    for attempt in range(_ATTEMPTS):
        noted = {**_brought_up(entries, known, before or Index()), **written}
        kept = {name: noted[name] for name in sorted(noted) if changes.get(name, noted) is not None}
        if version is not None and not _must_be_written(entries, kept):
            return
        try:
            if version is None:
                target.create(file, _document(kept))
            else:
                target.replace(file, _document(kept), version)
            return
        except MovedError:
            if attempt == _ATTEMPTS - 1:
                raise
        entries, version = _read(target, file)


def _must_be_written(entries: _Entries, kept: _Entries) -> bool:
    """Whether an index says what is not so: of which files are ours, or of more than a few others."""
    stale = [name for name in {**entries, **kept} if entries.get(name) != kept.get(name)]
    if any(_address(entries.get(name)) != _address(kept.get(name)) for name in stale):
        return True
    return len(stale) > min(_MOST_STALE, len(kept) // 10)


def _address(entry: Mapping[str, Any] | None) -> Any:
    return None if entry is None else entry.get("address", "")


def _brought_up(entries: _Entries, known: _Entries, before: Index) -> _Entries:
    """The entries, brought up to what was seen, except those that another apply has changed since."""
    # Files of others that have gone; ours stay, so that one removed by hand is known to be missing.
    current = {name: entry for name, entry in entries.items() if entry.get("address") or name in known}
    return {**current, **{name: known[name] for name in known if entries.get(name) == before.entries.get(name)}}


def _with(entry: dict[str, Any], made_from: Mapping[str, Any] | None) -> dict[str, Any]:
    return {**entry, "made_from": dict(made_from)} if made_from else entry


def _noted(entry: Mapping[str, Any], version: str) -> dict[str, Any]:
    """What an entry says of this version of its file, without what it was made from; nothing if of another one."""
    return {key: entry[key] for key in entry if key != "made_from"} if entry.get("version") == version else {}


def _entry(each: Deployed, owner: tuple[str, str], local: bool = False) -> dict[str, Any]:
    """The entry of a file: its address if it is the owner's, and what it says unless it is as easily read itself."""
    found = each.record
    address = {"address": found.address} if found and (found.owner, found.environment) == owner else {}
    # What is neither ours nor plain is looked at anew each time: such files are few, and there is more to say of them.
    if local or each.problem or each.native:
        return address
    content = {"record": to_data(found)} if found else {}
    return {**address, "version": each.version, "intact": each.intact, **content}


def _deployed(file: str, version: str, entry: Mapping[str, Any]) -> Deployed | None:
    try:
        found = from_data(entry["record"]) if "record" in entry else None
        return Deployed(file, version, found, intact=bool(entry["intact"]))
    except (ValueError, KeyError):
        return None


def _read(target: Target, file: str) -> tuple[_Entries, str | None]:
    try:
        content, version = target.read(file)
    except MovedError:
        return {}, None
    return _entries(content), version


def _document(entries: _Entries) -> bytes:
    """One line for each file, so that a difference can be read where the target keeps a history."""
    written = _lines(entries)
    lines = ",\n".join(f"{json.dumps(name)}: {line}" for name, line in written.items())
    return f'{{"format": {INDEX_FORMAT}, "digest": "{_digest(written)}", "dags": {{\n{lines}\n}}}}\n'.encode()


def _entries(content: bytes) -> _Entries:
    """The entries of an index that is whole; none of one that is damaged or of another format."""
    try:
        data: Any = json.loads(content)
        whole = data["format"] == INDEX_FORMAT and data["digest"] == _digest(_lines(data["dags"]))
        return dict(data["dags"]) if whole and all(map(_is_entry, data["dags"].values())) else {}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _is_entry(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("address", ""), str)


def _digest(lines: Mapping[str, str]) -> str:
    text = "\n".join(f"{name} {lines[name]}" for name in sorted(lines))
    return hashlib.sha256(text.encode()).hexdigest()


def _lines(entries: Mapping[str, Any]) -> dict[str, str]:
    return {name: _line(entry) for name, entry in entries.items()}


def _line(entry: Mapping[str, Any]) -> str:
    return json.dumps(entry, sort_keys=True, separators=(",", ":"))
