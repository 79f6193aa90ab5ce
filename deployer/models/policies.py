"""Policies as they are declared, exemptions from them, and what became of both in a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from pydantic import JsonValue

from deployer.errors import Location, Severity
from deployer.models.selection import matches

if TYPE_CHECKING:  # the models of plans take longer than all manifests
    from deployer.models.plan import Action

DEFAULT_ACTIONS: tuple[Action, ...] = ("create", "update")
"""What a policy is about that says nothing of actions: what an apply would write."""


@dataclass(frozen=True)
class Expression:
    """A text in CEL. `location` is where its value begins; `verbatim` is where its first character stands.

    `verbatim` is None where YAML changes the text (folded lines, escapes), so that an offset has no place of its own.
    """

    text: str
    location: Location
    verbatim: Location | None = None

    def place(self, at: int) -> Location:
        """Where the character with the offset `at` was written, as exactly as is known."""
        if self.verbatim is None:
            return self.location
        before = self.text[:at]
        column = at - (before.rfind("\n") + 1)
        return Location(self.verbatim.file, self.verbatim.line + before.count("\n"), self.verbatim.column + column)


@dataclass(frozen=True)
class Example:
    """An input with its expected outcome."""

    name: str
    input: Mapping[str, JsonValue]
    passes: bool
    location: Location


@dataclass(frozen=True)
class Policy:
    """A rule for changes. `from_platform` says that it is of the folder that `--policies` names."""

    name: str
    rule: Expression
    message: str
    location: Location
    message_expression: Expression | None = None
    description: str = ""
    severity: Severity = Severity.ERROR
    environments: tuple[str, ...] = ()
    flows: tuple[str, ...] = ()
    actions: tuple[Action, ...] = DEFAULT_ACTIONS
    field: str = ""
    field_location: Location | None = None
    may_be_exempted: bool = True
    examples: tuple[Example, ...] = ()
    from_platform: bool = False

    @property
    def path(self) -> str:
        """Its path in the document."""
        return f"policies.{self.name}"

    def applies_to(self, address: str) -> bool:
        """Whether it is about deployments with this address (``prod/train``)."""
        return _selects(self.environments, self.flows, address)


@dataclass(frozen=True)
class Exemption:
    """What exempts some deployments from a policy, up to and including the day `until`."""

    policy: str
    reason: str
    until: date
    location: Location
    path: str
    environments: tuple[str, ...] = ()
    flows: tuple[str, ...] = ()

    def exempts(self, address: str) -> bool:
        """Whether it is about deployments with this address."""
        return _selects(self.environments, self.flows, address)


@dataclass(frozen=True)
class Policies:
    """All policies, those of `--policies` first, with the exemptions. `digest` is that of the folder; empty without."""

    policies: Sequence[Policy] = ()
    exemptions: Sequence[Exemption] = field(default=())
    digest: str = ""


def _selects(environments: Sequence[str], flows: Sequence[str], address: str) -> bool:
    environment = address.partition("/")[0]
    here = not environments or any(fnmatchcase(environment, pattern) for pattern in environments)
    return here and (not flows or any(matches(address, pattern) for pattern in flows))
