"""The shape of what `history --format json` prints."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from deployer.models.history import EntryChange, EntryHead


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ShownEntry(EntryHead):
    """One apply, with the changes that were asked for."""

    changes: list[EntryChange]


class ShownUnrecorded(_Part):
    """A deployed DAG that no entry tells of: its apply was killed, or the entry was removed."""

    address: str
    name: str
    applied_by: str
    applied_at: str
    commit: str | None
    tool_version: str


class ShownHistory(_Part):
    """What was applied to an environment."""

    format: Annotated[Literal[1], Field(description="Version of this format.")]
    project: str
    environment: str
    target: Annotated[str, Field(description="As the manifest writes it.")]
    entries: Annotated[list[ShownEntry], Field(description="The newest first.")]
    older: Annotated[int, Field(description="How many entries are older than those that were looked at.")]
    unrecorded: Annotated[list[ShownUnrecorded], Field(description="Deployed by what no entry tells of.")]
