"""What need not be described again: deployments whose inputs are those that their deployed DAG was described from.

An apply notes in the index what each description was made from. As long as the code, the manifests, the tool and all
else that the notes name are the same, and the deployed record still holds the description that was made from them, that
is the description; see `deployer.compiler.worker.inputs`.
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
from deployer.models.description import Description, to_json
from deployer.models.desired import Deployed, Desired

# Where a setting was written, and the entry as people read it, decide nothing.
_NO_INPUT = {"location", "sources", "entry"}


@dataclass(frozen=True)
class CachedDescription:
    """What was described before: from which notes and which deployment (its digest), and what came of it."""

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
    """By address, what the index (`entries` by file) says of the inputs of DAGs that are as they were applied."""
    found: dict[str, CachedDescription] = {}
    for item in deployed:
        # The name of its file says it a second time, should somebody have edited the name in the record.
        if item.record is None or item.file != file_of(item.record.name):
            continue
        known = _cached(item, entries.get(item.file, {}).get("made_from"))
        if known is not None and item.record.environment == environment:
            found[item.record.address] = known
    return found


def made_from(item: Desired) -> Mapping[str, Any] | None:
    """What the index notes of the inputs of a description; None where they are not known."""
    if item.inputs is None:
        return None
    return {
        "notes": item.inputs,
        "deployment": digest_deployment(item.deployment),
        "description": _digest(to_json(item.description)),
    }


def digest_deployment(deployment: Deployment) -> str:
    """SHA-256 (hex) of all that the manifests say of a deployment, and of this program."""
    return _digest([_tool(), _plain(deployment)])


def _cached(item: Deployed, noted: Any) -> CachedDescription | None:
    record = item.record
    if record is None or not item.intact or not isinstance(noted, Mapping):
        return None
    notes, deployment = noted.get("notes"), noted.get("deployment")
    if not isinstance(notes, Mapping) or not isinstance(deployment, str):
        return None
    if noted.get("description") != _digest(to_json(record.description)):
        return None
    return CachedDescription(notes, deployment, record.name, record.description)


def _plain(value: Any) -> Any:
    if isinstance(value, ResolvedPath):
        return value.written
    if isinstance(value, Settings):
        return {name: _plain(each) for name, each in value if name not in _NO_INPUT}
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=repr).encode()).hexdigest()


@lru_cache(maxsize=1)
def _tool() -> str:
    """A digest of this program, so that no edit of it is missed while it is developed."""
    root = Path(__file__).parents[1]
    total = hashlib.sha256()
    for file in sorted(root.rglob("*")):
        if file.suffix in (".py", ".jinja"):
            total.update(f"{file.relative_to(root)}\0".encode() + file.read_bytes())
    return total.hexdigest()
