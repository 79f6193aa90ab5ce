"""What a running orchestrator says about deployments: neutral types, and the protocol that gives them.

Times are ISO 8601 texts as the orchestrator gives them; None where there is none. Run states are those of the
orchestrator in lower case: queued, running, success, failed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

ENDED: Final = frozenset({"success", "failed"})
"""The states of a run that has ended."""


def time_of(text: str | None) -> datetime | None:
    """A time as an orchestrator gives it (aware); None where there is none, or none with a timezone."""
    try:
        found = datetime.fromisoformat((text or "").replace("Z", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo else None


def seconds_between(started: str | None, ended: str | None) -> int | None:
    """The seconds between two times as an orchestrator gives them; None while one of them is not known."""
    begin, end = time_of(started), time_of(ended)
    return int((end - begin).total_seconds()) if begin and end else None


def duration_text(seconds: int) -> str:
    """So many seconds in words, as in ``5 min 12 s``."""
    return f"{seconds // 60} min {seconds % 60} s" if seconds >= 60 else f"{seconds} s"


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

    @property
    def file_name(self) -> str:
        """The name of the file at its target, of the path as the orchestrator writes it."""
        return self.file.rpartition("/")[2]


@dataclass(frozen=True, kw_only=True)
class LiveSummary:
    """What a list says of a deployment. `parsed_at` changes whenever its file is read; `stale` if that is gone."""

    name: str
    paused: bool
    stale: bool
    next_run: str | None
    parsed_at: str | None = None
    file_token: str | None = None
    file: str | None = None
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class LiveDeployment(LiveSummary):
    """A deployment as the orchestrator has it.

    `version` is that of the description (`version_of`), which the file carries; None if it has none.
    """

    version: str | None
    active_runs: int | None


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

    @property
    def seconds(self) -> int | None:
        """How long it ran; None while that is not known."""
        return seconds_between(self.started_at, self.ended_at)


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
class Needs:
    """What a deployment takes for granted in its orchestrator: pools, connections, and packages of providers.

    Without `told_by` (connections) and `notifiers` (packages) it runs, and somebody is not told of it. `versions` are
    what not every version of the orchestrator can do, in words, each with the first that can.
    """

    pools: frozenset[str] = frozenset()
    connections: frozenset[str] = frozenset()
    providers: frozenset[str] = frozenset()
    told_by: frozenset[str] = frozenset()
    notifiers: frozenset[str] = frozenset()
    versions: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True)
class AfterApply:
    """What follows an apply: for how many seconds it waits until the orchestrator has what was written (0: not at all),
    and whether files that the orchestrator cannot import are replaced by the earlier ones.
    """

    seconds: float = 0
    rolls_back: bool = False


@dataclass(frozen=True)
class LiveEvent:
    """An event to publish. `at` is a Unix time in seconds; the payload holds JSON values."""

    name: str
    id: str
    at: int
    payload: Mapping[str, Any]


@dataclass(frozen=True)
class Published:
    """What became of an event: the runs that it started, and the deployments that wait for others as well."""

    event: LiveEvent
    runs: Sequence[LiveRun]
    together: Sequence[str]


@dataclass(frozen=True)
class Product:
    """What the orchestrator is: its version, and the address of its pages."""

    version: str
    url: str


class Live(Protocol):
    """A running orchestrator. Each method raises LiveError, or one of its kinds."""

    @property
    def after_apply(self) -> AfterApply:
        """What follows an apply, as the manifests say."""

    def product(self) -> Product:
        """What it is. The first request of all; the others imply it."""

    def deployment(self, name: str) -> LiveDeployment | None:
        """The deployment of this name; None if it is not known."""

    def deployments(self, project: str) -> Mapping[str, LiveSummary]:
        """All deployments of a project of manifests that are known, by name, whatever environment they belong to."""

    def lacks(self, needs: Needs) -> Needs:
        """What of these is not there. Raises NotAllowedError if the account may not see one of the kinds."""

    def most_items(self) -> int | None:
        """How many items a foreach may have; None if the orchestrator does not say."""

    def pools(self) -> Mapping[str, int]:
        """How many tasks each pool takes at once; one without a limit is left out."""

    def most_tasks(self) -> int | None:
        """How many tasks a scheduler runs at once; None if the orchestrator does not say."""

    def import_errors(self) -> Sequence[LiveImportError]:
        """The files that cannot be imported."""

    def parse(self, deployment: LiveSummary) -> None:
        """Ask to read the file of a deployment now. It has not when this returns: look at `parsed_at`."""

    def runs(self, name: str, limit: int, states: Sequence[str] = ()) -> Sequence[LiveRun]:
        """The newest runs, newest first."""

    def run(self, name: str, run_id: str) -> LiveRun:
        """One run. Raises UnknownError."""

    def start(self, name: str, run_id: str, parameters: Mapping[str, Any]) -> LiveRun:
        """Start a run, once: the same id again gives the run that exists."""

    def publish(self, event: LiveEvent) -> Published:
        """Publish an event, once: each deployment that waits for it alone gets a run of its own."""

    def awaited_events(self) -> Sequence[str]:
        """The names of the events that deployments wait for."""

    def tasks(self, name: str, run_id: str, most: int | None = None) -> Sequence[LiveTask]:
        """The tasks of a run, those of a foreach each for itself; the first of them if only so many are asked for."""

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
