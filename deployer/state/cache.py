"""The cache of descriptions: a deployment whose inputs have not changed is not compiled again.

An apply notes in the index what each description was made from: code, manifests, this program and more (see
`deployer.compiler.worker.inputs`). While these inputs are the same, and the deployed record still holds the description
that was made from them, the description is taken from the record.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from deployer.manifest.fields import Settings
from deployer.models.deployment import Deployment, ResolvedPath
from deployer.models.description import Description, ordered_text, to_json
from deployer.models.desired import Deployed, Desired

# These fields do not influence a description: where a setting was written, and the entry as it is shown.
_IGNORED_FIELDS = {"location", "sources", "entry"}


@dataclass(frozen=True)
class CachedDescription:
    """An earlier description, with the notes and the digest of the deployment that it was made from."""

    notes: Mapping[str, Any]
    deployment: str
    name: str
    description: Description


def known_descriptions(
    environment: str,
    deployed: Iterable[Deployed],
    entries: Mapping[str, Mapping[str, Any]],
    file_of: Callable[[str], str],
) -> Mapping[str, CachedDescription]:
    """The cached description of each DAG that was not changed since its apply, by address.

    `entries` are the entries of the index by file; `file_of` gives the file name for a deployment name.
    """
    found: dict[str, CachedDescription] = {}
    for item in deployed:
        # Somebody may have edited the name in the record: compare it with the file name.
        if item.record is None or item.file != file_of(item.record.name):
            continue
        known = _cached(item, entries.get(item.file, {}).get("made_from"))
        if known is not None and item.record.environment == environment:
            found[item.record.address] = known
    return found


def made_from(item: Desired) -> Mapping[str, Any] | None:
    """What the index notes about the inputs of a description; None if they are unknown."""
    if item.inputs is None:
        return None
    return {
        "notes": item.inputs,
        "deployment": digest_deployment(item.deployment),
        "description": _digest_description(item.description),
    }


def digest_deployment(deployment: Deployment) -> str:
    """SHA-256 (hex) of everything that the manifests say about a deployment, and of the code of this program."""
    # The order of keys counts: it is a part of some values, and where it is not the flow is compiled once more.
    return _digest([_program_digest(), json.dumps(_input_value(deployment), default=repr)])


def _cached(item: Deployed, note: object) -> CachedDescription | None:
    record = item.record
    if record is None or not item.intact or not isinstance(note, Mapping):
        return None
    notes, deployment = note.get("notes"), note.get("deployment")
    if not isinstance(notes, Mapping) or not isinstance(deployment, str):
        return None
    if note.get("description") != _digest_description(record.description):
        return None
    return CachedDescription(notes, deployment, record.name, record.description)


def _input_value(value: object) -> object:
    if value is None or isinstance(value, (str, int)):  # most of them
        return value
    if isinstance(value, ResolvedPath):
        return value.written
    if isinstance(value, Settings):
        return {name: _input_value(field) for name, field in value if name not in _IGNORED_FIELDS}
    if isinstance(value, Mapping):
        return {str(key): _input_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_input_value(item) for item in value]
    return value


def _digest_description(description: Description) -> str:
    return _digest([to_json(description), ordered_text(description)])


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=repr).encode()).hexdigest()


@lru_cache(maxsize=1)
def _program_digest() -> str:
    """A digest of the code of this program, so that an edit during development invalidates the cache."""
    root = Path(__file__).parents[1]
    total = hashlib.sha256()
    for file in sorted(root.rglob("*")):
        if file.suffix in (".py", ".jinja"):
            total.update(f"{file.relative_to(root)}\0".encode() + file.read_bytes())
    return total.hexdigest()
