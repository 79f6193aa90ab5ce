"""mfdeploy dev: an orchestrator on this machine, and an apply for each save."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic

from deployer.commands.apply import ApplyResult, execute, prepare
from deployer.context import Context
from deployer.errors import DeployError, Diagnostic
from deployer.models.deployment import Environment
from deployer.models.live import Live, LiveError
from deployer.models.local_server import RunningServer
from deployer.models.selection import Selection
from deployer.pipeline.ahead import AheadOfApply
from deployer.pipeline.live import live_of, local_of, reported
from deployer.pipeline.local_arrivals import Arrival, Arrivals
from deployer.pipeline.watching import watch, watched_folders, written_folders
from deployer.planning.guards import Permissions

# How many looks at the orchestrator may fail in a row: it may be busy with itself.
_MOST_FAILURES = 5
# Ticks between two looks for errors while nothing is expected.
_RARELY = 10


@dataclass(frozen=True)
class Starting:
    """The orchestrator is being started, for the files of a target."""

    title: str
    target: str


@dataclass(frozen=True)
class Serving:
    """It answers by now."""

    url: str


@dataclass(frozen=True)
class Applied:
    """What was saved is applied; nothing of it may have changed a deployment."""

    result: ApplyResult


@dataclass(frozen=True)
class Refused:
    """What was saved cannot be applied."""

    diagnostics: Sequence[Diagnostic]


@dataclass(frozen=True)
class Arrived:
    """What the orchestrator made of it."""

    arrivals: Sequence[Arrival]


Event = Starting | Serving | Applied | Refused | Arrived


def dev(
    selection: Selection,
    environment: str,
    context: Context,
    notify: Callable[[str], None],
    *,
    port: int | None = None,
    schedules: bool = False,
) -> Generator[Event]:
    """Run the orchestrator of an environment on this machine, and apply what is saved, until the iterator is closed.

    `notify` is told what takes long before that. Raises DeployError if it cannot be started, or has ended.
    """
    narrow = replace(selection, environments=(environment,))
    found = context.load(narrow).environments[environment]
    local = local_of(found, context)
    with reported(found):
        local.install(notify)
        with local.serve(port, schedules=schedules) as server:
            yield Starting(local.title, found.target.written)
            yield from _Loop(narrow, found, server, context).events()


class _Loop:
    """Applies each save, and looks at the running orchestrator."""

    def __init__(self, selection: Selection, environment: Environment, server: RunningServer, context: Context) -> None:
        self._selection = selection
        self._environment = environment
        self._server = server
        self._context = context
        self._arrivals = Arrivals(context.now())
        self._folders: frozenset[Path] = frozenset()
        self._failures = 0
        # What this Airflow knows is looked at after the apply, which is to be quick.
        self._ahead = AheadOfApply(selection, replace(context, offline=True))

    def events(self) -> Iterator[Event]:
        with contextlib.closing(self._ahead):
            yield from self._events()

    def _events(self) -> Iterator[Event]:
        written = written_folders(self._context.load(self._selection))
        live = None
        for tick, saved in enumerate(watch(self._watched, written)):
            self._server.check()
            if saved or tick == 0:
                yield self._apply()
            if live is None and (live := self._connected()):
                yield Serving(self._server.url)
            if live is not None and (self._arrivals.are_expected or tick % _RARELY == 0):
                arrived = self._look(live)
                if arrived:
                    yield Arrived(arrived)
            # The processor is Airflow's as long as it has something to read.
            if live is not None and not self._arrivals.are_expected and not self._ahead.is_started:
                self._ahead.start()

    def _connected(self) -> Live | None:
        """The orchestrator, once it answers."""
        if not self._server.answers():
            return None
        live = live_of(self._environment, self._context)
        try:
            live.product()
        except LiveError as error:
            self._count_failure(error)
            return None
        return live

    def _watched(self) -> frozenset[Path]:
        # What an edit broke is reported by the apply, and is mended where it was written.
        with contextlib.suppress(DeployError):
            self._folders = watched_folders(self._context.load(self._selection))
        return self._folders

    def _apply(self) -> Event:
        since = monotonic()
        try:
            with self._ahead.context() as context:
                prepared = prepare(self._selection, context)
                result = execute(prepared, Permissions(), context)
        except DeployError as error:
            return Refused(error.diagnostics)
        self._arrivals.expect(result.done, since)
        warnings = [*prepared.view.warnings, *result.warnings] if result.done else result.warnings
        return Applied(replace(result, warnings=warnings))

    def _look(self, live: Live) -> Sequence[Arrival]:
        try:
            found = self._arrivals.look(live)
        except LiveError as error:
            self._count_failure(error)
            return ()
        self._failures = 0
        return found

    def _count_failure(self, error: LiveError) -> None:
        """Raise an error that is one too many, or the reason for it if that is known."""
        self._failures += 1
        self._server.check()
        if self._failures == _MOST_FAILURES:
            raise error
