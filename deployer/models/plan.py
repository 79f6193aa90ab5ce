"""A plan is data: what would change, and why, in closed words."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

PLAN_FORMAT = 1

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
    "conflict",
]

EffectWord = Literal[
    "next runs",
    "starts now",
    "catch-up",
    "code",
    "parameters",
    "steps removed",
    "steps added",
    "foreach",
    "retries",
    "paused",
]


@dataclass(frozen=True)
class FieldChange:
    """One field that differs: its dotted path, and its value before and after (None: absent).

    `origin` is where the new value was written (``deployments/mfdeploy.yaml:12``, from the folder that holds the
    manifest folder); empty for a default and for what is gone. It is no part of what makes two plans equal.
    """

    field: str
    before: Any
    after: Any
    origin: str = dataclasses.field(default="", compare=False)


@dataclass(frozen=True)
class FileChanges:
    """The flow's own files that differ, by path in the code package."""

    added: Sequence[str] = ()
    removed: Sequence[str] = ()
    changed: Sequence[str] = ()


@dataclass(frozen=True)
class Edit:
    """What somebody else wrote into `file`, as lines of a unified diff; `left_out` more were cut off.

    The planner says whose text is lost, the lines are filled in where the target is read. `exact` says that the diff is
    from what was applied to what is there; what was applied cannot always be made again: else it is from what an apply
    would write.
    """

    file: str
    lines: Sequence[str] = ()
    left_out: int = 0
    exact: bool = True


@dataclass(frozen=True)
class Reason:
    """Why a change is made: one closed word with its detail. `note` says it in a sentence where there are no fields.

    `hint` says what to do about a conflict. What only explains (`edit`) is no part of what makes two plans equal.
    """

    word: ReasonWord
    fields: Sequence[FieldChange] = ()
    files: FileChanges | None = None
    note: str = ""
    hint: str = ""
    edit: Edit | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Effect:
    """What a change does to runs: a closed word with its detail.

    `names` are steps or parameters; `before` and `after` times of runs (ISO 8601), `count` how many runs (`more`: there
    are more than were counted), `at_a_time` how many of them side by side.
    """

    word: EffectWord
    names: Sequence[str] = ()
    before: Sequence[str] = ()
    after: Sequence[str] = ()
    count: int | None = None
    more: bool = False
    at_a_time: int | None = None


@dataclass(frozen=True)
class Replaced:
    """Another file at the target that holds the same DAG, in the version that the plan saw."""

    file: str
    version: str


@dataclass(frozen=True)
class Change:
    """What happens to one address. `file` is the DAG file's name at the target.

    `before` and `after` are canonical descriptions. `version` is the target's version of the file that the plan
    saw (None: there was none); an apply that finds another one there refuses. `replaces` are other files with the same
    DAG (renamed or copied by hand, or adopted): they are deleted once `file` is written, so that there always is one.
    `effects` say what it does to runs as of the moment of planning: they are no part of what makes two plans equal.
    """

    address: str
    environment: str
    action: Action
    name: str
    file: str
    reasons: Sequence[Reason] = ()
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    version: str | None = None
    replaces: Sequence[Replaced] = ()
    effects: Sequence[Effect] = field(default=(), compare=False)

    @property
    def writes(self) -> bool:
        """Whether an apply writes the DAG file."""
        return self.action in ("create", "update")


@dataclass(frozen=True)
class Baseline:
    """A revision of the repository that a plan compares with: as it was asked for, and its full commit id."""

    revision: str
    commit: str


@dataclass(frozen=True)
class Plan:
    """All changes, sorted by address; `targets` gives each environment's target as written in the manifest.

    `flows` and `exclude` are the patterns that the plan was narrowed with, `adopt` those of what it takes over: its
    apply plans with the same. A plan `against` a revision tells what differs from what that would deploy; None is a
    plan against what is deployed, and only such a one can be applied. `rollback` is the history entry that the plan
    goes back to; empty for a plan of what the manifests say.
    """

    changes: Sequence[Change]
    targets: Mapping[str, str] = field(default_factory=dict)
    flows: Sequence[str] = ()
    exclude: Sequence[str] = ()
    adopt: Sequence[str] = ()
    against: Baseline | None = None
    tool_version: str = ""
    rollback: str = ""
    format: int = PLAN_FORMAT

    @property
    def pending(self) -> Sequence[Change]:
        """The changes that an apply would make, or refuse to make."""
        return tuple(change for change in self.changes if change.action != "none")
