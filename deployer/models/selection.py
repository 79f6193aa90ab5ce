"""What a command is asked to look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

FROM_PROJECT = "project:"


@dataclass(frozen=True)
class Selection:
    """Manifests, variables, and which deployments of them. Patterns are shell patterns on a flow's name or its address.

    No environments means all of them, no flows means every flow; `exclude` is stronger than `flows`. `adopt` are
    patterns of what is to be taken over, or ``project:NAME`` for all that another manifest project deployed.
    """

    manifests: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    environments: tuple[str, ...] = ()
    flows: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    adopt: tuple[str, ...] = ()

    def adopts(self, address: str, owner: str = "") -> bool:
        """Whether a DAG of `address` may be taken over from `owner` (a manifest project, if it is one's)."""
        return any(_takes_over(pattern, address, owner) for pattern in self.adopt)

    def selects(self, address: str) -> bool:
        """Whether the patterns take this address in (``prod/train``). Environments are not looked at."""
        wanted = not self.flows or any(_matches(address, pattern) for pattern in self.flows)
        return wanted and not any(_matches(address, pattern) for pattern in self.exclude)


def _takes_over(pattern: str, address: str, owner: str) -> bool:
    if pattern.startswith(FROM_PROJECT):
        return bool(owner) and pattern == FROM_PROJECT + owner
    return _matches(address, pattern)


def _matches(address: str, pattern: str) -> bool:
    name = address.partition("/")[2]
    return fnmatchcase(name, pattern) or fnmatchcase(address, pattern)
