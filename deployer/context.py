"""The context of a command: environment variables, clock, git and more, created in `cli` and passed down.

No other module reads the process environment or the clock, or starts git, so that tests can set them. This module is
imported first and quickly: an error in a manifest is reported at once, and the compiler starts its worker processes
while the rest of the program is imported.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from deployer.errors import DeployError, Diagnostic, nearest
from deployer.manifest.load import load_selection
from deployer.models.progress import Progress, silent
from deployer.models.waiting import DEFAULT_WAITS, WaitPolicy
from deployer.targets.registry import open_target

if TYPE_CHECKING:
    from deployer.compiler.client import Compiler, Packager
    from deployer.compiler.early import EarlyHelper
    from deployer.models.deployment import Deployment, Environment
    from deployer.models.live import Live
    from deployer.models.local_server import LocalOrchestrator
    from deployer.models.manifests import Manifests
    from deployer.models.selection import Selection
    from deployer.models.target import Target
    from deployer.orchestrators.protocol import Orchestrator
    from deployer.vcs.git import Git


@dataclass(frozen=True)
class Started:
    """What was started before a command: the manifests of a selection, and what compiles and packs its deployments."""

    selection: Selection
    manifests: Manifests
    compiler: Compiler | None = None
    packager: Packager | None = None


@dataclass(frozen=True)
class Context:
    """Everything outside of the program that a command uses.

    `environ` are the environment variables, `now` is the clock (aware times), `user` is the person who applies,
    `orchestrators` gives a factory by name, `waits` says how long servers are waited for, `sleep` lets seconds pass,
    and `started` is what the command does not have to start again. With `offline` no running orchestrator is known.
    `early` is a helper that was started before all others, for the first compiler that it suits.
    """

    environ: Mapping[str, str]
    now: Callable[[], datetime]
    git: Git
    user: str
    orchestrators: Mapping[str, Callable[[], Orchestrator]]
    progress: Progress = silent
    waits: WaitPolicy = DEFAULT_WAITS
    sleep: Callable[[float], None] = time.sleep
    started: Started | None = None
    offline: bool = False
    early: EarlyHelper | None = None

    def load(self, selection: Selection) -> Manifests:
        """The manifests of a selection. Raises DeployError with every problem of every file."""
        if self.started is not None and self.started.selection == selection:
            return self.started.manifests
        return load_selection(selection, self.environ)

    @contextmanager
    def start(self, selection: Selection, *, compiles: bool) -> Iterator[Context]:
        """The same context with the manifests of a selection loaded and, if `compiles`, a compiler started for it.

        Raises DeployError as `load` does.
        """
        manifests = self.load(selection)
        if not compiles:
            yield replace(self, started=Started(selection, manifests))
            return
        with _new_compiler(manifests.selected(selection), self.environ, self.early) as compiler:
            yield replace(self, started=Started(selection, manifests, compiler))

    @contextmanager
    def start_apply(self, manifests: Manifests, selection: Selection) -> Iterator[Context]:
        """The same context, with what compiles and packs the deployments of loaded manifests started for an apply."""
        from deployer.compiler.client import packaging

        deployments = manifests.selected(selection)
        with (
            _new_compiler(deployments, self.environ, self.early) as compiler,
            packaging(deployments, self.environ, self.user, self.waits) as packager,
        ):
            yield replace(self, started=Started(selection, manifests, compiler, packager))

    @contextmanager
    def compiler(self, deployments: Sequence[Deployment]) -> Iterator[Compiler]:
        """A compiler for these deployments: the one that was started for them if it is still unused, else a new one."""
        ahead = self.started.compiler if self.started else None
        if ahead is not None and not ahead.has_begun and _are_same(ahead.deployments, deployments):
            yield ahead
            return
        with _new_compiler(deployments, self.environ, self.early) as compiler:
            yield compiler

    def target(self, environment: Environment) -> Target:
        """The target of an environment; nothing is read yet. Raises DeployError for an unknown kind of URL."""
        return open_target(environment, self.environ, self.git, self.waits)

    def orchestrator(self, environment: Environment) -> Orchestrator:
        """The orchestrator of an environment. Raises DeployError if its name is not registered."""
        load = self.orchestrators.get(environment.orchestrator)
        if load is None:
            known = sorted(self.orchestrators)
            message = f"unknown orchestrator {environment.orchestrator!r}"
            hint = nearest(environment.orchestrator, known) or f"the orchestrators are {', '.join(known)}"
            path = f"environments.{environment.name}.orchestrator"
            raise DeployError(
                Diagnostic("unknown-orchestrator", message, environment.source("orchestrator"), path, hint)
            )
        return load()

    def connect(self, environment: Environment) -> tuple[Target, Orchestrator]:
        """The target of an environment and the orchestrator that reads its files. Raises DeployError."""
        return self.target(environment), self.orchestrator(environment)

    def live(self, environment: Environment) -> Live | None:
        """The running orchestrator of an environment; None if the manifests name none. Nothing is asked yet."""
        if self.offline:
            return None
        return self.orchestrator(environment).live(environment, self.environ, self.waits)

    def local(self, environment: Environment) -> LocalOrchestrator | None:
        """What runs the orchestrator of an environment on this machine; None if that cannot be."""
        return self.orchestrator(environment).local(environment, self.environ)

    def all_orchestrators(self) -> list[Orchestrator]:
        """All registered orchestrators."""
        return [load() for load in self.orchestrators.values()]

    def with_environ(self, environ: Mapping[str, str]) -> Context:
        """The same context with other environment variables and nothing started."""
        return replace(self, environ=environ, started=None)

    def silently(self) -> Context:
        """The same context without progress reports."""
        return replace(self, progress=silent)


def _new_compiler(
    deployments: Sequence[Deployment], environ: Mapping[str, str], early: EarlyHelper | None
) -> AbstractContextManager[Compiler]:
    # Imported late: an error in a manifest is reported without waiting for this import.
    from deployer.compiler.client import starting

    return starting(deployments, environ, early)


def _are_same(some: Sequence[Deployment], others: Sequence[Deployment]) -> bool:
    return len(some) == len(others) and all(one is other for one, other in zip(some, others, strict=True))
