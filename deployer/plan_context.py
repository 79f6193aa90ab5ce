"""A plan with what it was made from: what stages after the planner are given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from deployer.errors import Diagnostic
from deployer.models.deployment import Environment
from deployer.models.desired import Desired, DesiredState
from deployer.models.plan import Change, Plan
from deployer.state.survey import DeployedState


@dataclass(frozen=True)
class PlanContext:
    """A plan with both sides that it was made from, and the folder of the manifests."""

    folder: Path
    plan: Plan
    desired: DesiredState
    deployed: DeployedState
    warnings: Sequence[Diagnostic] = ()

    @property
    def environments(self) -> Mapping[str, Environment]:
        """All environments of the manifests by name."""
        return self.desired.manifests.environments

    def item(self, environment: str, file: str) -> Desired:
        """The deployment that writes this file. Raises KeyError."""
        return self._items[environment, file]

    @cached_property
    def _items(self) -> Mapping[tuple[str, str], Desired]:
        return {(item.deployment.environment.name, item.file): item for item in self.desired.items}

    def tokens(self, changes: Iterable[Change]) -> dict[str, str]:
        """The production tokens of what changes write over, by address: the runs keep their namespace."""
        found: dict[str, str] = {}
        for change in changes:
            for item in self.deployed.holding(change):
                if item.production_token:
                    found.setdefault(change.address, item.production_token)
        return found

    def with_changes(self, changes: Iterable[Change]) -> PlanContext:
        """The same with these changes in the plan."""
        return replace(self, plan=replace(self.plan, changes=tuple(changes)))
