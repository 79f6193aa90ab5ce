"""The index beside the DAG files: which files an apply wrote and, if reading them is slow, what they contain.

It is a cache. The records in the DAG files are the state: an entry of the index is used only if its version is the one
that the target lists. Without an index, a file that was removed by hand looks like a new deployment.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from deployer.models.desired import Deployed
from deployer.models.record_data import from_data, to_data
from deployer.models.target import MovedError, Target
from deployer.state.foreign import KnownNames

INDEX_FORMAT = 2
_ATTEMPTS = 50
# An index may be wrong about this many files, and about one in ten at most, before it is written again.
_MOST_STALE = 16
_Entries = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Index:
    """The content of an index: an entry for each file, as it is in the JSON document.

    `version` is the version of the index file at the target; None if there is no index.
    """

    entries: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    version: str | None = None

    @property
    def remembered(self) -> Mapping[str, str]:
        """The address of each file that our applies wrote, by file."""
        return {file: entry["address"] for file, entry in self.entries.items() if entry.get("address")}

    def without_content(self) -> Index:
        """The same index without what the files contain: what remains is which files our applies wrote."""
        return Index({file: {"address": address} for file, address in self.remembered.items()}, self.version)

    @property
    def names(self) -> KnownNames:
        """What earlier applies found in files of others: the names that they define, by file and version."""
        return {
            (file, entry["version"]): tuple(entry["names"])
            for file, entry in self.entries.items()
            if isinstance(entry.get("version"), str) and _are_names(entry.get("names"))
        }

    def deployed(self, file: str, version: str) -> Deployed | None:
        """The content of this version of a file; None if the index does not know this version."""
        entry = self.entries.get(file, {})
        return _deployed(file, version, entry) if entry.get("version") == version else None


def index_file(project: str, environment: str) -> str:
    """The name of the index file. Each owner has its own, so two projects at one target never write the same file."""
    return f".mfdeploy.{project}.{environment}.json"


def read_index(target: Target, project: str, environment: str) -> Index:
    """The index as the last apply wrote it; an empty one if there is none or if it is damaged."""
    return Index(*_read(target, index_file(project, environment)))


def update_index(
    target: Target,
    project: str,
    environment: str,
    changes: Mapping[str, Deployed | None],
    seen: Iterable[Deployed] = (),
    before: Index | None = None,
    made_from: Mapping[str, Mapping[str, Any]] | None = None,
    names: KnownNames | None = None,
    owns: Callable[[Deployed], bool] | None = None,
) -> None:
    """Note the files that were written and deleted (None), in one conditional write. Raises TargetError.

    `seen` are the files at the target when `before` was read. If reading is slow they are noted too, so that the next
    plan does not have to read them. If another apply has written the index since `before`, its changes stay and the
    notes are added to them. `made_from` gives by file what its description was made from (see `cache`), `names` what
    foreign files define. `owns` says whose a file is; without it, it is that of the project and environment in its
    record.

    The index is not written if only a few of many files were updated: for the next plan it is faster to read and
    compile these few again than it is to write the whole index here.
    """
    file = index_file(project, environment)
    is_ours = owns or (lambda item: item.record is not None and item.record.is_owned_by(project, environment))
    new = made_from or {}
    written = {
        name: _with(_entry(each, is_ours, target.local), new.get(name)) for name, each in changes.items() if each
    }
    old = before.entries if before else {}
    known = {
        each.file: _with(
            {
                **(_noted(old.get(each.file, {}), each.version) or _entry(each, is_ours, target.local)),
                **_names_of(each, {} if target.local else names or {}),
            },
            new.get(each.file, old.get(each.file, {}).get("made_from")),
        )
        for each in seen
        if not target.local or each.file in old or each.file in new
    }
    entries, version = (before.entries, before.version) if before else _read(target, file)
    for attempt in range(_ATTEMPTS):
        noted = {**_merged(entries, known, before or Index()), **written}
        updated = {name: noted[name] for name in sorted(noted) if changes.get(name, noted) is not None}
        if version is not None and not _must_be_written(entries, updated):
            return
        try:
            if version is None:
                target.create(file, _document(updated))
            else:
                target.replace(file, _document(updated), version)
            return
        except MovedError:
            if attempt == _ATTEMPTS - 1:
                raise
        entries, version = _read(target, file)


def delete_index(target: Target, project: str, environment: str) -> None:
    """Delete the index, unless another apply is writing it. Raises TargetError."""
    file = index_file(project, environment)
    with suppress(MovedError):
        _, version = target.read(file)
        target.delete(file, version)


def _must_be_written(entries: _Entries, updated: _Entries) -> bool:
    """Whether the index is wrong about which files are ours, or about the content of more than a few files."""
    stale = [name for name in {**entries, **updated} if entries.get(name) != updated.get(name)]
    if any(_address(entries.get(name)) != _address(updated.get(name)) for name in stale):
        return True
    return len(stale) > min(_MOST_STALE, len(updated) // 10)


def _address(entry: Mapping[str, Any] | None) -> object:
    return None if entry is None else entry.get("address", "")


def _merged(entries: _Entries, known: _Entries, before: Index) -> _Entries:
    """The entries updated with what was seen, except those that another apply has changed since."""
    # Entries of foreign files that no longer exist are dropped. Our entries stay, to detect files removed by hand.
    current = {name: entry for name, entry in entries.items() if entry.get("address") or name in known}
    return {**current, **{name: known[name] for name in known if entries.get(name) == before.entries.get(name)}}


def _names_of(item: Deployed, names: KnownNames) -> dict[str, Any]:
    found = names.get((item.file, item.version))
    is_foreign = not (item.record or item.problem or item.native)
    return {"names": list(found)} if is_foreign and found is not None else {}


def _are_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _with(entry: dict[str, Any], made_from: Mapping[str, Any] | None) -> dict[str, Any]:
    return {**entry, "made_from": dict(made_from)} if made_from else entry


def _noted(entry: Mapping[str, Any], version: str) -> dict[str, Any]:
    """The entry without `made_from` if it is about this version of its file; else an empty one."""
    return {key: entry[key] for key in entry if key != "made_from"} if entry.get("version") == version else {}


def _entry(item: Deployed, owns: Callable[[Deployed], bool], local: bool = False) -> dict[str, Any]:
    """The entry of a file: the address if the owner deployed it, and the content unless the target is local."""
    record = item.record
    address = {"address": record.address} if record and owns(item) else {}
    # Damaged and native files are read each time: they are few, and an entry could not hold all about them.
    if local or item.problem or item.native:
        return address
    content = {"record": to_data(record)} if record else {}
    return {**address, "version": item.version, "intact": item.intact, **content}


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
    """The index as JSON with one line for each file, so that its diff is readable in a git target."""
    written = _lines(entries)
    lines = ",\n".join(f"{json.dumps(name)}: {line}" for name, line in written.items())
    return f'{{"format": {INDEX_FORMAT}, "digest": "{_digest(written)}", "dags": {{\n{lines}\n}}}}\n'.encode()


def _entries(content: bytes) -> _Entries:
    """The entries of an index; none if it is damaged or has another format."""
    try:
        data: Any = json.loads(content)
        whole = data["format"] == INDEX_FORMAT and data["digest"] == _digest(_lines(data["dags"]))
        return dict(data["dags"]) if whole and all(map(_is_entry, data["dags"].values())) else {}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _is_entry(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("address", ""), str)


def _digest(lines: Mapping[str, str]) -> str:
    text = "\n".join(f"{name} {lines[name]}" for name in sorted(lines))
    return hashlib.sha256(text.encode()).hexdigest()


def _lines(entries: Mapping[str, Mapping[str, object]]) -> dict[str, str]:
    return {name: _line(entry) for name, entry in entries.items()}


def _line(entry: Mapping[str, object]) -> str:
    # What is inside has an order of its own: that of the keys of a user's value is a part of the value.
    return json.dumps(dict(sorted(entry.items())), separators=(",", ":"))
