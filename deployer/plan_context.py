"""A plan with its inputs: what the stages after the planner work on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from deployer.errors import Diagnostic
from deployer.manifest.files import find_files
from deployer.manifest.nodes import Report
from deployer.models.deployment import Environment
from deployer.models.desired import Desired, DesiredState
from deployer.models.plan import Change, Plan
from deployer.state.survey import DeployedState
from deployer.vcs.git import Git
from deployer.vcs.repository import commit_of


@dataclass(frozen=True)
class PlanContext:
    """A plan, the desired and the deployed state that it compares, and the folder of the manifests."""

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
        """The production tokens of the DAGs that changes overwrite, by address: their runs keep the namespace."""
        found: dict[str, str] = {}
        for change in changes:
            for item in self.deployed.holding(change):
                if item.production_token:
                    found.setdefault(change.address, item.production_token)
        return found

    def commit(self, git: Git) -> str | None:
        """The commit that what is written is made from, as `commit_of` gives it."""
        return commit_of(git, self.folder, self._source_files())

    def _source_files(self) -> set[Path]:
        """The files that what is written is made from: the manifests, and the files in the code packages."""
        found = set(find_files(self.folder, Report()))
        for change in self.plan.pending:
            item = self._items.get((change.environment, change.file))
            if item is not None:
                folder = Path(item.deployment.file.resolved).parent
                found |= {folder / name for name in item.description.code.files}
                found |= {Path(file.resolved) for file in item.deployment.config_files.values()}
        return found

    def with_changes(self, changes: Iterable[Change]) -> PlanContext:
        """The same context with these changes in the plan."""
        return replace(self, plan=replace(self.plan, changes=tuple(changes)))
