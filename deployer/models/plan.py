"""A plan as data: what would change and why, with a closed vocabulary of actions and reasons.

Saved as JSON, it is the input of `apply`. What only explains (origins, edits, effects, values, marks, warnings) is not
compared: two plans are equal if they make the same changes for the same reasons.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import field as of_dataclass
from typing import Annotated, Final, Literal, get_args

from pydantic import Field, JsonValue, StrictBool, StrictInt, computed_field
from pydantic.dataclasses import dataclass

from deployer.errors import Location
from deployer.models.description import DeployedDescription, Description
from deployer.models.types import EXACT, Several

PLAN_FORMAT: Final = 2

Action = Literal["create", "update", "delete", "none", "conflict"]
ReasonWord = Literal[
    "new",
    "code",
    "graph",
    "schedule",
    "parameters",
    "retries",
    "resources",
    "settings",
    "metaflow version",
    "renderer version",
    "moved",
    "adopted",
    "drifted",
    "missing",
    "removed",
    "rollback",
    "restored",
    "conflict",
]

# "foreach" is read in older saved plans, and no longer written.
EffectWord = Literal[
    "next runs",
    "created paused",
    "starts now",
    "catch-up",
    "code",
    "parameters",
    "steps removed",
    "steps added",
    "foreach",
    "retries",
    "paused",
    "started by",
    "starts",
    "collision",
]

ValueGroup = Literal["schedule", "parameters", "compute", "retries", "limits", "image", "settings"]
MarkWord = Literal["frequent", "gpu", "image"]


def _location(origin: str) -> Location | None:
    """``file:line`` or ``file:line:column``; None for anything else."""
    found = re.fullmatch(r"(.+?):([0-9]{1,9})(?::([0-9]{1,9}))?", origin)
    return Location(found[1], int(found[2]), int(found[3] or 0)) if found else None


@dataclass(frozen=True, config=EXACT)
class FieldChange:
    """One field of a description that differs."""

    field: Annotated[str, Field(description="Dotted path in the description.")]
    before: Annotated[JsonValue, Field(description="The deployed value; null where there is none.")]
    after: Annotated[JsonValue, Field(description="The planned value; null where there is none.")]
    origin: Annotated[
        str,
        Field(
            description="Where the new value was written, as file:line from the folder that holds the manifest folder; "
            "empty for a default and for what is gone."
        ),
    ] = of_dataclass(default="", compare=False)
    follows: Annotated[
        str,
        Field(description="The field that this one follows from and that also differs; empty where there is none."),
    ] = of_dataclass(default="", compare=False)


@dataclass(frozen=True, config=EXACT)
class FileChanges:
    """The files in the code package that differ, by their paths in it."""

    added: Several[str] = ()
    removed: Several[str] = ()
    changed: Several[str] = ()
    packed: Annotated[
        Mapping[str, str],
        Field(
            description="Those of them that are merely packed with the flow, since they lie in its folder: its code "
            "neither imports them, nor opens them when it is loaded. Where each lies, from the folder that holds the "
            "manifest folder, by its path in the code package."
        ),
    ] = of_dataclass(default_factory=dict, compare=False)

    @property
    def all(self) -> Sequence[str]:
        """All of them."""
        return (*self.added, *self.removed, *self.changed)


@dataclass(frozen=True, config=EXACT)
class Edit:
    """An edit by hand in a DAG file, which an apply would overwrite.

    The planner names the file; the lines are filled in where the target is read. If what was applied cannot be rendered
    again, `exact` is false, and the diff starts from what an apply would write.
    """

    file: Annotated[str, Field(description="Name of the file at the target.")]
    lines: Annotated[Several[str], Field(description="Lines of a unified diff, those of the edit with a plus.")] = ()
    left_out: Annotated[StrictInt, Field(description="How many lines of the diff were cut off.", ge=0)] = 0
    exact: Annotated[
        StrictBool,
        Field(description="Whether the diff starts from what was applied; else from what an apply would write."),
    ] = True


@dataclass(frozen=True, config=EXACT)
class Reason:
    """Why a change is made: a word with its details. Reasons explain; they do not decide."""

    word: ReasonWord
    fields: Several[FieldChange] = ()
    files: FileChanges | None = None
    note: Annotated[str, Field(description="The reason in a sentence; empty where the fields say it all.")] = ""
    hint: Annotated[str, Field(description="What to do about a conflict; empty for any other reason.")] = ""
    edit: Edit | None = of_dataclass(default=None, compare=False)
    sentences: Annotated[
        Several[str],
        Field(description="What the fields of a graph mean, such as a step that was renamed; empty for other reasons."),
    ] = of_dataclass(default=(), compare=False)


@dataclass(frozen=True, config=EXACT)
class Value:
    """A value of a deployment that is created, if it is not a default."""

    group: ValueGroup
    field: Annotated[str, Field(description="Dotted path in the description.")]
    value: JsonValue
    origin: Annotated[
        str,
        Field(description="Where the value was written, as the origin of a field that differs; empty if unknown."),
    ] = ""


@dataclass(frozen=True, config=EXACT)
class Mark:
    """What a reviewer must see: runs less than ten minutes apart, GPUs, or an image that is used nowhere else."""

    word: MarkWord
    names: Annotated[Several[str], Field(description="The steps; empty for a schedule.")] = ()
    value: Annotated[
        JsonValue, Field(description="The least minutes between two runs, the GPUs of each step, or the image.")
    ] = None


@dataclass(frozen=True, config=EXACT)
class Effect:
    """What a change does to DAG runs, at the time of planning."""

    word: EffectWord
    names: Annotated[
        Several[str],
        Field(description="Steps or parameters; of `started by` and `starts` addresses, and events without a slash."),
    ] = ()
    before: Annotated[Several[str], Field(description="Times of runs before the change (ISO 8601).")] = ()
    after: Annotated[Several[str], Field(description="Times of runs after the change (ISO 8601).")] = ()
    count: Annotated[StrictInt | None, Field(description="How many runs.", ge=0)] = None
    more: Annotated[StrictBool, Field(description="Whether there are more than were counted.")] = False
    at_a_time: Annotated[StrictInt | None, Field(description="How many of them run at the same time.", ge=1)] = None


@dataclass(frozen=True, config=EXACT)
class Known:
    """What is known of a deployment beside manifests and target. It is no part of what is applied."""

    topic: Annotated[
        Literal["airflow", "evidence"],
        Field(description="airflow: what the running Airflow says; evidence: what an earlier environment shows."),
    ]
    text: str
    serious: Annotated[StrictBool, Field(description="Whether somebody should look at it before the apply.")] = False


@dataclass(frozen=True, config=EXACT)
class Replaced:
    """Another file at the target with the same DAG, which is deleted after the DAG file is written."""

    file: str
    version: Annotated[str, Field(description="The target's version of the file that the plan saw.")]


@dataclass(frozen=True, config=EXACT)
class Change:
    """What happens to one address.

    An apply is refused if the file at the target has another version than the plan saw. Other files with the same DAG
    (renamed or copied by hand, or adopted) are deleted only after `file` is written, so that the DAG never disappears.
    """

    address: Annotated[str, Field(description="environment/name, as in the manifests.", min_length=1)]
    environment: str
    action: Action
    name: Annotated[str, Field(description="The deployment's name in the orchestrator: the DAG id.")]
    file: Annotated[str, Field(description="Name of the DAG file at the target.")]
    reasons: Several[Reason] = ()
    before: Annotated[DeployedDescription | None, Field(description="Description of what is deployed.")] = None
    after: Annotated[Description | None, Field(description="Description of what is planned.")] = None
    version: Annotated[
        str | None,
        Field(description="The target's version of the file that the plan saw; null where there was no file."),
    ] = None
    replaces: Several[Replaced] = ()
    effects: Annotated[Several[Effect], Field(description="Shown, and no part of what is applied.")] = of_dataclass(
        default=(), compare=False
    )
    values: Annotated[
        Several[Value], Field(description="Of a create: every value that is not a default, by group.")
    ] = of_dataclass(default=(), compare=False)
    marks: Annotated[Several[Mark], Field(description="What is new with this change and deserves a second look.")] = (
        of_dataclass(default=(), compare=False)
    )
    known: Annotated[Several[Known], Field(description="What is known beside it, at the time of planning.")] = (
        of_dataclass(default=(), compare=False)
    )

    @property
    def writes(self) -> bool:
        """Whether an apply writes the DAG file."""
        return self.action in ("create", "update")


@dataclass(frozen=True, config=EXACT)
class PlanWarning:
    """What whoever reads the plan must know, such as what its apply would refuse. It is no part of what is applied."""

    code: Annotated[str, Field(description="A stable word for programs, as in diagnostics.")]
    message: str
    hint: Annotated[str, Field(description="What to do; empty if there is nothing to say.")] = ""
    path: Annotated[str, Field(description="Dotted path in the manifests; empty if it is not about a setting.")] = ""
    origin: Annotated[str, Field(description="file:line:column; empty if it has no place in a file.")] = ""

    @property
    def location(self) -> Location | None:
        """Its origin as a location."""
        return _location(self.origin)


@dataclass(frozen=True, config=EXACT)
class Violation:
    """A policy that a change violates, or whose rule could not be evaluated for it (`failed`).

    The limits of a projects file are violated in the same way.
    """

    policy: Annotated[
        str,
        Field(description="The policy's name; mfdeploy-projects.yaml for a limit of the project.", min_length=1),
    ]
    address: Annotated[str, Field(description="environment/name, as in the manifests.", min_length=1)]
    severity: Annotated[
        Literal["error", "warning"], Field(description="error: no apply makes the plan's changes; warning: it may.")
    ]
    message: str
    hint: Annotated[str, Field(description="What to do; empty if there is nothing to say.")] = ""
    field: Annotated[
        str, Field(description="The field of the description that the policy is about; empty if none.")
    ] = ""
    origin: Annotated[
        str,
        Field(
            description="file:line or file:line:column of that field, else of the flow's entry; of a rule that failed "
            "its place in the expression."
        ),
    ] = ""
    failed: Annotated[StrictBool, Field(description="Whether the rule has no value: it is neither true nor false.")] = (
        False
    )
    exempted: Annotated[
        str,
        Field(description="The reason of the exemption in the manifests, with which it stops no apply; else empty."),
    ] = ""
    until: Annotated[str, Field(description="The last day of that exemption (ISO 8601); empty without one.")] = ""

    @property
    def blocks(self) -> bool:
        """Whether it stops an apply."""
        return self.severity == "error" and not self.exempted

    @property
    def location(self) -> Location | None:
        """Its origin as a location; the path is not relative to the working directory."""
        return _location(self.origin)


@dataclass(frozen=True, config=EXACT)
class Baseline:
    """The revision that a plan compares with instead of what is deployed; such a plan cannot be applied."""

    revision: Annotated[str, Field(description="As it was asked for.")]
    commit: Annotated[str, Field(description="Its full commit id.")]


@dataclass(frozen=True, config=EXACT)
class Broken:
    """A deployment that could not be planned, since its flow or its entry in the manifests has errors."""

    address: Annotated[str, Field(description="environment/name, as in the manifests.", min_length=1)]
    problems: Annotated[Several[str], Field(description="Each with its location and what to do.")]


@dataclass(frozen=True, config=EXACT)
class Summary:
    """How many changes there are of each action."""

    create: StrictInt
    update: StrictInt
    delete: StrictInt
    conflict: StrictInt
    none: StrictInt


@dataclass(frozen=True, config=EXACT)
class Plan:
    """A plan of mfdeploy: all changes, sorted by address.

    Its apply plans again with the same patterns of flows, exclusions and adoptions. `rollback` is empty and `destroy`
    false for a plan of what the manifests say.
    """

    changes: Annotated[Several[Change], Field(description="All changes, sorted by address.")]
    targets: Annotated[
        Mapping[str, str], Field(description="Each environment's target, as the manifest writes it.")
    ] = of_dataclass(default_factory=dict)
    flows: Annotated[
        Several[str], Field(description="Patterns of the flows that were planned; empty means every flow.")
    ] = ()
    exclude: Annotated[Several[str], Field(description="Patterns of the flows that were left out.")] = ()
    adopt: Annotated[Several[str], Field(description="Patterns of what the plan takes over.")] = ()
    against: Baseline | None = None
    tool_version: Annotated[str, Field(description="The mfdeploy that planned.")] = ""
    rollback: Annotated[
        str, Field(description="The history entry that the plan goes back to; empty for a plan of the manifests.")
    ] = ""
    destroy: Annotated[bool, Field(description="Whether the plan deletes all that the manifests manage.")] = False
    warnings: Annotated[
        Several[PlanWarning], Field(description="Shown to the reviewer, and no part of what is applied.")
    ] = of_dataclass(default=(), compare=False)
    broken: Annotated[
        Several[Broken],
        Field(description="What `plan --keep-going` could not plan. A plan with any of these cannot be applied."),
    ] = ()
    policies: Annotated[
        str,
        Field(
            description="The digest of the policies of --policies; empty without. An apply of the saved plan needs the "
            "same ones."
        ),
    ] = of_dataclass(default="", compare=False)
    violations: Annotated[
        Several[Violation],
        Field(
            description="Policies that changes violate. Its apply evaluates them anew, and is refused with an error."
        ),
    ] = of_dataclass(default=(), compare=False)
    format: Annotated[Literal[2], Field(description="Version of this format.")] = PLAN_FORMAT

    @property
    def pending(self) -> Sequence[Change]:
        """The changes that an apply would make, or refuse to make."""
        return tuple(change for change in self.changes if change.action != "none")

    @property
    def blocking(self) -> Sequence[Violation]:
        """The violations that stop an apply."""
        return tuple(each for each in self.violations if each.blocks)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def summary(self) -> Summary:
        """How many changes there are of each action."""
        counts: Counter[str] = Counter(change.action for change in self.changes)
        return Summary(**{action: counts[action] for action in get_args(Action)})
