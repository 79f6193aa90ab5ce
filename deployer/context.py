"""What a command is run with: the world outside of the program, made in `cli` and passed down.

No other room reads the process environment or the clock, or starts git, so that a test says what these are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

from deployer.errors import DeployError, Diagnostic, nearest
from deployer.models.deployment import Environment
from deployer.models.desired import Desired, DesiredState
from deployer.models.plan import Change, Plan
from deployer.models.progress import Progress, silent
from deployer.models.target import Target
from deployer.orchestrators.protocol import Orchestrator
from deployer.orchestrators.registry import Registry
from deployer.state.survey import DeployedState
from deployer.targets.registry import open_target
from deployer.vcs.git import Git


@dataclass(frozen=True)
class Context:
    """The environment variables, the clock (aware times), git, who is told of progress, and the orchestrators by name.

    `user` is who applies.
    """

    environ: Mapping[str, str]
    now: Callable[[], datetime]
    git: Git
    user: str
    orchestrators: Registry
    progress: Progress = silent

    def target(self, environment: Environment) -> Target:
        """The target of an environment; nothing is read yet. Raises DeployError for a URL of no kind of target."""
        return open_target(environment, self.environ, self.git)

    def orchestrator(self, environment: Environment) -> Orchestrator:
        """What runs the flows of an environment. Raises DeployError for a name that is not registered."""
        load = self.orchestrators.get(environment.orchestrator)
        if load is None:
            known = sorted(self.orchestrators)
            message = f"there is no orchestrator {environment.orchestrator!r}"
            hint = nearest(environment.orchestrator, known) or f"the orchestrators are {', '.join(known)}"
            path = f"environments.{environment.name}.orchestrator"
            raise DeployError(Diagnostic("unknown-orchestrator", message, environment.location, path, hint))
        return load()

    def connect(self, environment: Environment) -> tuple[Target, Orchestrator]:
        """The target of an environment, and what reads its files. Raises DeployError."""
        return self.target(environment), self.orchestrator(environment)

    def all_orchestrators(self) -> list[Orchestrator]:
        """All that are registered."""
        return [load() for load in self.orchestrators.values()]

    def with_environ(self, environ: Mapping[str, str]) -> Context:
        """The same with other environment variables."""
        return replace(self, environ=environ)

    def silently(self) -> Context:
        """The same, and nobody is told of progress."""
        return replace(self, progress=silent)


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
