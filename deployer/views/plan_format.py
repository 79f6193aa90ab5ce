"""The shape of a saved plan: what `plan --format json` prints, and what `apply PLAN` accepts."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from deployer.models.plan import Action, ReasonWord


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class SavedField(_Part):
    """One field that differs."""

    field: Annotated[str, Field(description="Dotted path in the description.")]
    before: Annotated[Any, Field(description="The deployed value; null where there is none.")]
    after: Annotated[Any, Field(description="The planned value; null where there is none.")]


class SavedFiles(_Part):
    """The flow's own files that differ, by path in the code package."""

    added: list[str]
    removed: list[str]
    changed: list[str]


class SavedReason(_Part):
    """Why a change is made. Reasons explain; they do not decide."""

    word: ReasonWord
    fields: list[SavedField]
    files: SavedFiles | None
    note: Annotated[str, Field(description="The reason in a sentence; empty where the fields say it all.")]


class SavedChange(_Part):
    """What happens to one deployment."""

    address: Annotated[str, Field(description="environment/name, as in the manifests.", min_length=1)]
    environment: str
    action: Action
    dag_id: str
    file: Annotated[str, Field(description="Name of the DAG file at the target.")]
    version: Annotated[
        str | None,
        Field(description="The target's version of the file that the plan saw; null where there was no file."),
    ]
    reasons: list[SavedReason]
    before: Annotated[dict[str, Any] | None, Field(description="Canonical description of what is deployed.")]
    after: Annotated[dict[str, Any] | None, Field(description="Canonical description of what is planned.")]


class SavedSummary(_Part):
    """How many changes there are of each action."""

    create: int
    update: int
    delete: int
    conflict: int
    none: int


class SavedPlan(_Part):
    """A plan of mfdeploy."""

    format: Annotated[Literal[1], Field(description="Version of this format; another one is refused.")]
    tool_version: Annotated[str, Field(description="The mfdeploy that planned.")]
    targets: Annotated[dict[str, str], Field(description="Each environment's target, as the manifest writes it.")]
    flows: Annotated[list[str], Field(description="Patterns of the flows that were planned; empty means every flow.")]
    exclude: Annotated[list[str], Field(description="Patterns of the flows that were left out.")]
    rollback: Annotated[str, Field(description="The history entry that the plan goes back to; empty for none.")]
    summary: SavedSummary
    changes: Annotated[list[SavedChange], Field(description="All changes, sorted by address.")]
