"""The history of an environment: its entries as they are stored at the target, and as they are shown."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, JsonValue

from deployer.models.branches import label_of
from deployer.models.types import FrozenModel, Several

HISTORY_FORMAT: Final = 2

Command = Literal["apply", "destroy", "rollback"]
Outcome = Literal["done", "failed", "not done"]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
EntryId = Annotated[str, Field(pattern=r"^[0-9]{8}T[0-9]{9}Z-[0-9a-f]{4}$")]


class EntryField(FrozenModel):
    """One field that differed."""

    field: Annotated[str, Field(description="Dotted path in the description.")]
    before: JsonValue
    after: JsonValue


class EntryFiles(FrozenModel):
    """The flow's own files that differed, by path in the code package."""

    added: Several[str]
    removed: Several[str]
    changed: Several[str]


class EntryReason(FrozenModel):
    """Why a change was made. `word` is not checked: an entry of another version is shown as it was written."""

    word: str
    fields: Several[EntryField]
    files: EntryFiles | None
    note: str


class EntryChange(FrozenModel):
    """One planned change and its outcome."""

    address: Annotated[str, Field(description="environment/name, as in the manifests.", min_length=1)]
    action: Literal["create", "update", "delete"]
    name: Annotated[str, Field(description="The deployment's name in the orchestrator: the DAG id.")]
    file: Annotated[str, Field(description="Name of the DAG file at the target.")]
    reasons: Several[EntryReason]
    outcome: Outcome
    message: Annotated[str, Field(description="Why it failed; empty where it did not.")]


class EntryArrival(FrozenModel):
    """Whether the running orchestrator had what was written when the apply ended."""

    address: Annotated[str, Field(description="environment/name, as in the manifests.")]
    name: Annotated[str, Field(description="The deployment's name in the orchestrator: the DAG id.")]
    state: Annotated[
        str,
        Field(
            description="current: it had the written version; gone: the deleted DAG was gone; broken: it could not "
            "import the file; late: not within the time to wait; unchecked: it could not be asked."
        ),
    ]
    seconds: Annotated[int, Field(description="Since the apply had published.")]
    note: Annotated[str, Field(description="The end of the traceback if it is broken; else why it was not there.")]


class KeptChange(EntryChange):
    """A change with the SHA-256 of the DAG file before and after it; null if there was no file."""

    before: Digest | None
    after: Digest | None


class EntryHead(FrozenModel):
    """Who applied, when, and from which commit."""

    id: EntryId
    command: Command
    restored: Annotated[EntryId | None, Field(description="The entry that a rollback went back to.")]
    applied_by: str
    applied_at: Annotated[str, Field(description="UTC, ISO 8601; the records of the DAG files have the same.")]
    commit: Annotated[str | None, Field(description="Of the manifests; -dirty after it where files differed.")]
    tool_version: str
    ci_url: Annotated[str, Field(description="The page of the CI job that applied; empty outside of CI.")] = ""
    arrivals: Annotated[
        Several[EntryArrival], Field(description="What the running Airflow said; empty if it was not waited for.")
    ] = ()


class Entry(EntryHead):
    """An entry of the history as it is stored at the target.

    `branch` is the branch that was applied; empty for the main one of the environment, or where there is none. `texts`
    contains the DAG files that the apply replaced or deleted: a JSON object by digest, compressed with zlib, in
    base64.
    """

    format: Literal[2]
    project: str
    environment: str
    branch: str = ""
    target: str
    changes: Several[KeptChange]
    texts: str

    @property
    def label(self) -> str:
        """What its file is named after: see `Environment.label`."""
        return label_of(self.environment, self.branch)


class ShownEntry(EntryHead):
    """One apply, with the selected changes."""

    changes: Several[EntryChange]


class Unrecorded(FrozenModel):
    """A DAG that was deployed by an apply without an entry: that apply was killed, or its entry was removed."""

    address: str
    name: Annotated[str, Field(description="The deployment's name in the orchestrator: the DAG id.")]
    applied_by: str
    applied_at: str
    commit: str | None
    tool_version: str
    ci_url: str = ""


class History(FrozenModel):
    """What was applied to an environment, as `history --format json` prints it."""

    format: Annotated[Literal[2], Field(description="Version of this format.")]
    project: str
    environment: str
    target: Annotated[str, Field(description="As the manifest writes it.")]
    entries: Annotated[Several[ShownEntry], Field(description="The newest first.")]
    older: Annotated[int, Field(description="How many entries are older than those that were read.")]
    unrecorded: Annotated[Several[Unrecorded], Field(description="DAGs that were deployed without an entry.")]
