"""What a running orchestrator says about deployments: neutral types, and the protocol that gives them.

Times are ISO 8601 texts as the orchestrator gives them; None where there is none. Run states are those of the
orchestrator in lower case: queued, running, success, failed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

ENDED: Final = frozenset({"success", "failed"})
"""The states of a run that has ended."""


class LiveError(Exception):
    """The orchestrator did not do what it was asked. The message says who, what and why; `hint` is a remedy."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class NotAllowedError(LiveError):
    """The account may not do this. Whoever only wants to know something reports it as not checked."""


class UnknownError(LiveError):
    """The orchestrator does not know the deployment, the run or the task."""


@dataclass(frozen=True)
class LiveImportError:
    """A file that the orchestrator could not import: the end of its traceback."""

    file: str
    traceback: str
    at: str | None = None


@dataclass(frozen=True)
class LiveDeployment:
    """A deployment as the orchestrator has it.

    `version` is that of the description (`version_of`), which the file carries; None if it has none.
    """

    name: str
    version: str | None
    paused: bool
    stale: bool
    active_runs: int | None
    next_run: str | None
    file_token: str | None = None
    file: str | None = None


@dataclass(frozen=True)
class LiveRun:
    """A run of a deployment."""

    name: str
    run_id: str
    state: str
    kind: str
    queued_at: str | None = None
    started_at: str | None = None
    ended_at: str | None = None
    logical_date: str | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing of it will run any more."""
        return self.state in ENDED


@dataclass(frozen=True)
class LiveTask:
    """One task of a run; `index` is its place among the items of a foreach, -1 for a task that is alone.

    `pathspec` is Metaflow's (``Flow/run/step/task``); None for a task that has not started or is no step.
    """

    step: str
    index: int
    state: str
    attempt: int
    started_at: str | None = None
    ended_at: str | None = None
    pathspec: str | None = None


@dataclass(frozen=True)
class LogLine:
    """One line of a task's log."""

    text: str
    at: str | None = None
    level: str | None = None


@dataclass(frozen=True)
class Product:
    """What the orchestrator is: its version, and the address of its pages."""

    version: str
    url: str


class Live(Protocol):
    """A running orchestrator. Each method raises LiveError, or one of its kinds."""

    def product(self) -> Product:
        """What it is. The first request of all; the others imply it."""

    def deployment(self, name: str) -> LiveDeployment | None:
        """The deployment of this name; None if it is not known."""

    def import_errors(self) -> Sequence[LiveImportError]:
        """The files that cannot be imported."""

    def parse(self, deployment: LiveDeployment) -> None:
        """Ask to read the file of a deployment now. No answer means that it has: look at the version."""

    def runs(self, name: str, limit: int, states: Sequence[str] = ()) -> Sequence[LiveRun]:
        """The newest runs, newest first."""

    def run(self, name: str, run_id: str) -> LiveRun:
        """One run. Raises UnknownError."""

    def start(self, name: str, run_id: str, parameters: Mapping[str, Any]) -> LiveRun:
        """Start a run, once: the same id again gives the run that exists."""

    def tasks(self, name: str, run_id: str) -> Sequence[LiveTask]:
        """The tasks of a run, those of a foreach each for itself."""

    def log(self, name: str, run_id: str, task: LiveTask) -> Iterator[LogLine]:
        """The log of the last attempt of a task, as far as it is written."""

    def retry(self, name: str, run_id: str, tasks: Sequence[LiveTask]) -> int:
        """Run these tasks and all that comes after them again. Returns how many tasks were reset."""

    def stop(self, name: str, run_id: str) -> None:
        """End a run: its tasks are killed, and it counts as failed."""

    def pause(self, name: str, *, paused: bool) -> None:
        """Pause or unpause a deployment."""

    def forget(self, name: str) -> None:
        """Delete what is stored about a deployment: its runs, and their logs' index."""

    def page(self, name: str, run_id: str = "") -> str:
        """The address of the page of a deployment, or of one of its runs."""
