"""One apply as it is kept at the target: strict, so that what another version wrote is refused and not guessed at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, FailFast, Field

from deployer.models.record import Provenance

HISTORY_FORMAT = 1

Command = Literal["apply", "destroy", "rollback"]
Outcome = Literal["done", "failed", "not done"]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
EntryId = Annotated[str, Field(pattern=r"^[0-9]{8}T[0-9]{9}Z-[0-9a-f]{4}$")]

_ONE_PROBLEM = FailFast()  # one is told; a million of them would be collected first


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class EntryField(_Part):
    """One field that differed."""

    field: Annotated[str, Field(description="Dotted path in the description.")]
    before: Any
    after: Any


class EntryFiles(_Part):
    """The flow's own files that differed, by path in the code package."""

    added: Annotated[list[str], _ONE_PROBLEM]
    removed: Annotated[list[str], _ONE_PROBLEM]
    changed: Annotated[list[str], _ONE_PROBLEM]


class EntryReason(_Part):
    """Why a change was made. The word is any: what an earlier version said is shown as it said it."""

    word: str
    fields: Annotated[list[EntryField], _ONE_PROBLEM]
    files: EntryFiles | None
    note: str


class EntryChange(_Part):
    """One planned change and what became of it."""

    address: Annotated[str, Field(description="environment/name, as in the manifests.", min_length=1)]
    action: Literal["create", "update", "delete"]
    name: str
    file: Annotated[str, Field(description="Name of the DAG file at the target.")]
    reasons: Annotated[list[EntryReason], _ONE_PROBLEM]
    outcome: Outcome
    message: Annotated[str, Field(description="Why it failed; empty where it did not.")]


class KeptChange(EntryChange):
    """A change with the SHA-256 of the whole DAG file that it found and that it left; null where there was none."""

    before: Digest | None
    after: Digest | None


class EntryHead(_Part):
    """Who applied what, when and from where."""

    id: EntryId
    command: Command
    restored: Annotated[EntryId | None, Field(description="The entry that a rollback went back to.")]
    applied_by: str
    applied_at: Annotated[str, Field(description="UTC, ISO 8601; the records of the DAG files say the same.")]
    commit: Annotated[str | None, Field(description="Of the manifests; -dirty after it where files differed.")]
    tool_version: str


class Entry(EntryHead):
    """An entry of the history as it lies at the target.

    `texts` holds the DAG files that the apply replaced or deleted: by digest, as JSON, packed with zlib, in base64.
    """

    format: Literal[1]
    project: str
    environment: str
    target: str
    changes: Annotated[list[KeptChange], _ONE_PROBLEM]
    texts: str


@dataclass(frozen=True)
class Unrecorded:
    """A DAG that is deployed by an apply that no entry tells of: that apply was killed, or its entry was removed."""

    address: str
    name: str
    provenance: Provenance
