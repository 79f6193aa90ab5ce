"""A plan is data: what would change, and why, in closed words."""

from __future__ import annotations

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
    "drifted",
    "missing",
    "removed",
    "rollback",
    "conflict",
]


@dataclass(frozen=True)
class FieldChange:
    """One field that differs: its dotted path, and its value before and after (None: absent)."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True)
class FileChanges:
    """The flow's own files that differ, by path in the code package."""

    added: Sequence[str] = ()
    removed: Sequence[str] = ()
    changed: Sequence[str] = ()


@dataclass(frozen=True)
class Reason:
    """Why a change is made: one closed word with its detail. `note` says it in a sentence where there are no fields."""

    word: ReasonWord
    fields: Sequence[FieldChange] = ()
    files: FileChanges | None = None
    note: str = ""


@dataclass(frozen=True)
class Change:
    """What happens to one address. `file` is the DAG file's name at the target.

    `before` and `after` are canonical descriptions. `version` is the target's version of the file that the plan
    saw (None: there was none); an apply that finds another one there refuses.
    """

    address: str
    environment: str
    action: Action
    dag_id: str
    file: str
    reasons: Sequence[Reason] = ()
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    version: str | None = None


@dataclass(frozen=True)
class Plan:
    """All changes, sorted by address; `targets` gives each environment's target as written in the manifest.

    `flows` and `exclude` are the patterns that the plan was narrowed with: its apply plans with the same. `rollback` is
    the history entry that the plan goes back to; empty for a plan of what the manifests say.
    """

    changes: Sequence[Change]
    targets: Mapping[str, str] = field(default_factory=dict)
    flows: Sequence[str] = ()
    exclude: Sequence[str] = ()
    tool_version: str = ""
    rollback: str = ""
    format: int = PLAN_FORMAT

    @property
    def pending(self) -> Sequence[Change]:
        """The changes that an apply would make, or refuse to make."""
        return tuple(change for change in self.changes if change.action != "none")
