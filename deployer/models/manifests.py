"""All that the manifests of a folder say, resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deployer.errors import Diagnostic, Location
from deployer.models.deployment import Deployment, Environment
from deployer.models.selection import Selection


@dataclass(frozen=True)
class Manifests:
    """What the manifests of `folder` say.

    `environments` are all of them; `deployments` each flow in each of its environments that was asked for, sorted by
    address. `locations` is where each setting was written, by its path in the document
    (``environments.prod.kubernetes.image``).
    """

    project: str
    environments: Mapping[str, Environment]
    deployments: tuple[Deployment, ...]
    warnings: tuple[Diagnostic, ...] = ()
    folder: Path = Path()
    locations: Mapping[str, Location] = field(default_factory=dict)

    def selected(self, selection: Selection) -> tuple[Deployment, ...]:
        """The deployments that the patterns of a selection take."""
        return tuple(item for item in self.deployments if selection.selects(item.address))
