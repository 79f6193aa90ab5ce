"""The resolved content of a folder of manifests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deployer.errors import Diagnostic, Location
from deployer.models.branches import Branch
from deployer.models.deployment import Deployment, Environment
from deployer.models.policies import Policies
from deployer.models.selection import Selection


@dataclass(frozen=True)
class Removed:
    """A flow that has left the manifests, and where it may be deleted. `location` is its entry."""

    name: str
    environments: tuple[str, ...]
    reason: str
    location: Location

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses that may be deleted, in the order of the environments."""
        return tuple(f"{environment}/{self.name}" for environment in self.environments)


@dataclass(frozen=True)
class Manifests:
    """The manifests of `folder`.

    `environments` are all environments; `deployments` are each flow in each of its selected environments, sorted by
    address. `diagnostics` are warnings, and errors that are reported together with those of the flows. `locations` is
    where each setting was written, by its path in the document (``environments.prod.kubernetes.image``). `broken` are
    the errors of each deployment that was left out because of them, by address. `flow_files` are the absolute
    paths of the flows of all environments. `policies` are those of the manifests and of the selection's folder.
    """

    project: str
    environments: Mapping[str, Environment]
    deployments: tuple[Deployment, ...]
    diagnostics: tuple[Diagnostic, ...] = ()
    folder: Path = Path()
    locations: Mapping[str, Location] = field(default_factory=dict)
    removed: tuple[Removed, ...] = ()
    flow_files: frozenset[str] = frozenset()
    broken: Mapping[str, Sequence[Diagnostic]] = field(default_factory=dict)
    policies: Policies = field(default_factory=Policies)

    @property
    def addresses(self) -> tuple[str, ...]:
        """All addresses, also those of broken flows."""
        return (*(item.address for item in self.deployments), *self.broken)

    @property
    def branches(self) -> Mapping[str, Branch]:
        """The branch that each deployment belongs to, by address."""
        return {item.address: item.owner_branch for item in self.deployments}

    def selected(self, selection: Selection) -> tuple[Deployment, ...]:
        """The deployments that match the patterns of a selection."""
        return tuple(item for item in self.deployments if selection.selects(item.address))
