"""Which deployments a command is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

FROM_PROJECT = "project:"


@dataclass(frozen=True)
class Selection:
    """A folder of manifests, their variables, and which deployments are selected.

    Patterns are shell patterns for the name or the address of a deployment. Without environments all are selected, and
    without `flows` every flow; `exclude` overrides `flows`. `adopt` are patterns of the deployments whose DAGs may be
    taken over, or ``project:NAME`` for all DAGs that another manifest project deployed. With `keep_going` broken flows
    are left out, where the command is refused otherwise. `projects` is a file that says what projects may deploy,
    beside those at the targets. `policies` is a folder of policies that a
    platform owns.
    """

    manifests: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    environments: tuple[str, ...] = ()
    flows: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    adopt: tuple[str, ...] = ()
    keep_going: bool = False
    projects: Path | None = None
    policies: Path | None = None

    def adopts(self, address: str, owner: str = "") -> bool:
        """Whether a DAG of `address` may be taken over. `owner` is the manifest project that deployed it, if any."""
        return any(_takes_over(pattern, address, owner) for pattern in self.adopt)

    def selects(self, address: str) -> bool:
        """Whether the patterns select this address (``prod/train``). Environments are not checked."""
        wanted = not self.flows or any(matches(address, pattern) for pattern in self.flows)
        return wanted and not any(matches(address, pattern) for pattern in self.exclude)


def _takes_over(pattern: str, address: str, owner: str) -> bool:
    if pattern.startswith(FROM_PROJECT):
        return bool(owner) and pattern == FROM_PROJECT + owner
    return matches(address, pattern)


def matches(address: str, pattern: str) -> bool:
    """Whether a shell pattern matches the name or the address of a deployment."""
    name = address.partition("/")[2]
    return fnmatchcase(name, pattern) or fnmatchcase(address, pattern)
