"""What a command is run with: the world outside of the program, made in `cli` and passed down.

No other room reads the process environment or the clock, or starts git, so that a test says what these are. This module
is imported before anything that takes long: an error in a manifest is reported at once, and the helpers of the compiler
start while the rest of the program is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from deployer.errors import DeployError, Diagnostic, nearest
from deployer.manifest.load import load_selection
from deployer.models.progress import Progress, silent
from deployer.targets.registry import open_target

if TYPE_CHECKING:
    from deployer.compiler.client import Compiler
    from deployer.models.deployment import Deployment, Environment
    from deployer.models.manifests import Manifests
    from deployer.models.selection import Selection
    from deployer.models.target import Target
    from deployer.orchestrators.protocol import Orchestrator
    from deployer.vcs.git import Git


@dataclass(frozen=True)
class Started:
    """What was begun before a command: the manifests of a selection, and a compiler of what it selects (or none)."""

    selection: Selection
    manifests: Manifests
    compiler: Compiler | None = None


@dataclass(frozen=True)
class Context:
    """The environment variables, the clock (aware times), git, who is told of progress, and the orchestrators by name.

    `user` is who applies; `started` what a command need not begin again.
    """

    environ: Mapping[str, str]
    now: Callable[[], datetime]
    git: Git
    user: str
    orchestrators: Mapping[str, Callable[[], Orchestrator]]
    progress: Progress = silent
    started: Started | None = None

    def load(self, selection: Selection) -> Manifests:
        """The manifests of a selection. Raises DeployError with every problem of every file."""
        if self.started is not None and self.started.selection == selection:
            return self.started.manifests
        return load_selection(selection, self.environ)

    @contextmanager
    def start(self, selection: Selection, *, compiles: bool) -> Iterator[Context]:
        """The same with the manifests of a selection, and with a compiler of it that starts now if it `compiles`.

        Raises DeployError as `load` does.
        """
        manifests = self.load(selection)
        if not compiles:
            yield replace(self, started=Started(selection, manifests))
            return
        with _new_compiler(manifests.selected(selection), self.environ) as compiler:
            yield replace(self, started=Started(selection, manifests, compiler))

    @contextmanager
    def compiler(self, deployments: Sequence[Deployment]) -> Iterator[Compiler]:
        """A compiler of these deployments: the one that was started for them, if it was not used, else a new one."""
        ahead = self.started.compiler if self.started else None
        if ahead is not None and not ahead.has_begun and _are_same(ahead.deployments, deployments):
            yield ahead
            return
        with _new_compiler(deployments, self.environ) as compiler:
            yield compiler

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
        """The same with other environment variables, in which nothing was started."""
        return replace(self, environ=environ, started=None)

    def silently(self) -> Context:
        """The same, and nobody is told of progress."""
        return replace(self, progress=silent)


def _new_compiler(deployments: Sequence[Deployment], environ: Mapping[str, str]) -> AbstractContextManager[Compiler]:
    # Not before the manifests are read: an error in them is reported without it.
    from deployer.compiler.client import starting

    return starting(deployments, environ)


def _are_same(some: Sequence[Deployment], others: Sequence[Deployment]) -> bool:
    return len(some) == len(others) and all(one is other for one, other in zip(some, others, strict=True))
