"""The shape of a saved plan: what `plan --format json` prints, and what `apply PLAN` accepts."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, FailFast, Field

from deployer.models.plan import Action, EffectWord, ReasonWord

_ONE_PROBLEM = FailFast()  # of each list one is told; a million of them would be collected first


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class SavedField(_Part):
    """One field that differs."""

    field: Annotated[str, Field(description="Dotted path in the description.")]
    before: Annotated[Any, Field(description="The deployed value; null where there is none.")]
    after: Annotated[Any, Field(description="The planned value; null where there is none.")]
    origin: Annotated[
        str,
        Field(description="Where the new value was written, as file:line; empty for a default and for what is gone."),
    ]


class SavedEffect(_Part):
    """What a change does to runs, as of the moment of planning."""

    word: EffectWord
    names: Annotated[list[str], _ONE_PROBLEM, Field(description="Steps or parameters.")]
    before: Annotated[list[str], _ONE_PROBLEM, Field(description="Times of runs before the change (ISO 8601).")]
    after: Annotated[list[str], _ONE_PROBLEM, Field(description="Times of runs after the change (ISO 8601).")]
    count: Annotated[int | None, Field(description="How many runs.", ge=0)]
    more: Annotated[bool, Field(description="Whether there are more than were counted.")]
    at_a_time: Annotated[int | None, Field(description="How many of them side by side.", ge=1)]


class SavedFiles(_Part):
    """The flow's own files that differ, by path in the code package."""

    added: Annotated[list[str], _ONE_PROBLEM]
    removed: Annotated[list[str], _ONE_PROBLEM]
    changed: Annotated[list[str], _ONE_PROBLEM]


class SavedEdit(_Part):
    """What somebody else wrote into a DAG file, and an apply would write over."""

    file: Annotated[str, Field(description="Name of the file at the target.")]
    lines: Annotated[
        list[str], _ONE_PROBLEM, Field(description="Lines of a unified diff, those of the edit with a plus.")
    ]
    left_out: Annotated[int, Field(description="How many lines of the diff were cut off.", ge=0)]
    exact: Annotated[
        bool,
        Field(description="Whether the diff is from what was applied; else it is from what an apply would write."),
    ]


class SavedReplaced(_Part):
    """Another file at the target with the same DAG, deleted once the DAG file is written."""

    file: str
    version: Annotated[str, Field(description="The target's version of the file that the plan saw.")]


class SavedReason(_Part):
    """Why a change is made. Reasons explain; they do not decide."""

    word: ReasonWord
    fields: Annotated[list[SavedField], _ONE_PROBLEM]
    files: SavedFiles | None
    note: Annotated[str, Field(description="The reason in a sentence; empty where the fields say it all.")]
    hint: Annotated[str, Field(description="What to do about a conflict; empty for any other reason.")]
    edit: SavedEdit | None


class SavedChange(_Part):
    """What happens to one deployment."""

    address: Annotated[str, Field(description="environment/name, as in the manifests.", min_length=1)]
    environment: str
    action: Action
    name: str
    file: Annotated[str, Field(description="Name of the DAG file at the target.")]
    version: Annotated[
        str | None,
        Field(description="The target's version of the file that the plan saw; null where there was no file."),
    ]
    replaces: Annotated[list[SavedReplaced], _ONE_PROBLEM]
    reasons: Annotated[list[SavedReason], _ONE_PROBLEM]
    effects: Annotated[list[SavedEffect], _ONE_PROBLEM, Field(description="Told, and no part of what is applied.")]
    before: Annotated[dict[str, Any] | None, Field(description="Canonical description of what is deployed.")]
    after: Annotated[dict[str, Any] | None, Field(description="Canonical description of what is planned.")]


class SavedSummary(_Part):
    """How many changes there are of each action."""

    create: int
    update: int
    delete: int
    conflict: int
    none: int


class SavedBaseline(_Part):
    """The revision that a plan compares with instead of what is deployed; such a plan cannot be applied."""

    revision: str
    commit: str


class SavedPlan(_Part):
    """A plan of mfdeploy."""

    format: Annotated[Literal[1], Field(description="Version of this format; another one is refused.")]
    tool_version: Annotated[str, Field(description="The mfdeploy that planned.")]
    targets: Annotated[dict[str, str], Field(description="Each environment's target, as the manifest writes it.")]
    flows: Annotated[
        list[str], _ONE_PROBLEM, Field(description="Patterns of the flows that were planned; empty means every flow.")
    ]
    exclude: Annotated[list[str], _ONE_PROBLEM, Field(description="Patterns of the flows that were left out.")]
    adopt: Annotated[list[str], _ONE_PROBLEM, Field(description="Patterns of what the plan takes over.")]
    against: SavedBaseline | None
    rollback: Annotated[str, Field(description="The history entry that the plan goes back to; empty for none.")]
    summary: SavedSummary
    changes: Annotated[list[SavedChange], _ONE_PROBLEM, Field(description="All changes, sorted by address.")]
