"""Watches a running orchestrator until it has what an apply wrote.

A list of the project's deployments tells when each file was last read; only then is a deployment asked for its version.
So a hundred deployments need some three hundred requests at most, however long they take.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from deployer.models.arrival import Arrival, ArrivalState, Expected
from deployer.models.live import (
    Live,
    LiveDeployment,
    LiveError,
    LiveImportError,
    LiveSummary,
    NotAllowedError,
)

_THREADS = 8
# Seconds. A file is asked for again when it may have arrived at the orchestrator since; of many files less often.
_ASK_AGAIN = 5
# A webserver may remember for some seconds what it knew before the file was read.
_LOOK_AGAIN = 2
_LOOK_ANYWAY = 15
_PER_SECOND = 5
_MOST_TRACEBACK = 12  # lines

_NEW = "it does not know the DAG yet; a new file is found within the refresh_interval of its DAG processor"
_UNREAD = "it has not read the new file yet"
_STILL_THERE = "it still has the deleted DAG"


@dataclass
class _Waiting:
    """What is known of one deployment that has not arrived."""

    first_parsed: str | None = None
    first_error: str | None = None
    looked_at: str | None = None
    looked: datetime | None = None
    asked: datetime | None = None
    seen: str = ""


class Watch:
    """Waits for the deployments of one apply in one running orchestrator.

    `errors_before` are the import errors right before the apply: they are about the earlier files.
    """

    def __init__(
        self,
        live: Live,
        project: str,
        expected: Iterable[Expected],
        errors_before: Iterable[LiveImportError],
        now: Callable[[], datetime],
    ) -> None:
        self.live = live
        self.arrivals: dict[str, Arrival] = {}
        self.problem = ""
        self._project = project
        self._waiting = {each: _Waiting() for each in expected}
        self._before = {error.file_name for error in errors_before}
        self._now = now
        self._start = now()
        self._looks = 0
        self._may_parse = True

    @property
    def waiting(self) -> Mapping[Expected, str]:
        """What has not arrived, each with what the orchestrator has instead, in words."""
        return {each: state.seen for each, state in self._waiting.items()}

    @property
    def elapsed(self) -> int:
        """Seconds since the watch began."""
        return int((self._now() - self._start).total_seconds())

    def look(self) -> Sequence[Arrival]:
        """Look once; returns what has arrived since the last look. Raises NotAllowedError.

        What fails otherwise is kept in `problem`: an orchestrator that is restarted comes back.
        """
        arrived: Sequence[Arrival] = ()
        if not self._waiting:
            return arrived
        try:
            known = self.live.deployments(self._project)
            errors = {error.file_name: error for error in self.live.import_errors()}
            arrived = self._compare(known, errors)
            self._looks += 1
            self._ask_to_parse(known)
        except NotAllowedError:
            raise
        except LiveError as error:
            self.problem = str(error)
        else:
            self.problem = ""
        return arrived

    def give_up(self, state: ArrivalState, why: str = "") -> Sequence[Arrival]:
        """Wait for nothing any more."""
        left = [Arrival(each, state, self.elapsed, why or self.problem or seen) for each, seen in self.waiting.items()]
        return self._arrived(left)

    def _compare(self, known: Mapping[str, LiveSummary], errors: Mapping[str, LiveImportError]) -> Sequence[Arrival]:
        found = [each for each in self._waiting if self._is_decided_by(each, known, errors)]
        arrived = [self._decided(each, errors.get(each.file)) for each in found]
        to_read = [each for each in self._waiting if each not in found and self._is_to_read(each, known, errors)]
        with ThreadPoolExecutor(_THREADS) as threads:
            read = [*threads.map(lambda each: self.live.deployment(each.name), to_read)]
        for each, deployment in zip(to_read, read, strict=True):
            if self._has_it(each, known[each.name], deployment):
                arrived.append(Arrival(each, "current", self.elapsed))
        return self._arrived(arrived)

    def _is_decided_by(
        self, each: Expected, known: Mapping[str, LiveSummary], errors: Mapping[str, LiveImportError]
    ) -> bool:
        """Whether the lists alone tell what became of a deployment."""
        if each.version is None:
            summary = known.get(each.name)
            self._waiting[each].seen = _STILL_THERE
            return summary is None or summary.stale
        error = errors.get(each.file)
        return error is not None and self._is_new(each, error)

    def _is_new(self, each: Expected, error: LiveImportError) -> bool:
        """Whether an import error is about the written file. One that was there before may still be about the earlier
        file, until it is another one than at the first look.
        """
        if each.file not in self._before:
            return True
        state = self._waiting[each]
        if self._looks == 0:
            state.first_error = error.at
        return error.at != state.first_error

    def _decided(self, each: Expected, error: LiveImportError | None) -> Arrival:
        if each.version is None:
            return Arrival(each, "gone", self.elapsed)
        assert error is not None
        return Arrival(each, "broken", self.elapsed, last_lines(error.traceback))

    def _is_to_read(
        self, each: Expected, known: Mapping[str, LiveSummary], errors: Mapping[str, LiveImportError]
    ) -> bool:
        """Whether the version of a deployment is worth a request."""
        state, summary = self._waiting[each], known.get(each.name)
        if each.version is None:
            return False
        if summary is None or summary.stale:
            state.seen = _NEW
            return False
        if self._looks == 0:
            state.first_parsed = summary.parsed_at
        state.seen = state.seen if state.looked else _UNREAD
        if each.file in errors:
            return False
        if summary.parsed_at == state.first_parsed:
            # It may have been read between the write and the first look: rare, and cheap to find out now and then.
            return not each.was_same and self._is_over(state.looked or self._start, _LOOK_ANYWAY)
        return summary.parsed_at != state.looked_at or self._is_over(state.looked, _LOOK_AGAIN)

    def _has_it(self, each: Expected, summary: LiveSummary, deployment: LiveDeployment | None) -> bool:
        state = self._waiting[each]
        state.looked_at, state.looked = summary.parsed_at, self._now()
        if deployment is None:
            state.seen = _NEW
            return False
        state.seen = f"it has version {deployment.version}" if deployment.version else "it has another version"
        return deployment.version == each.version and not deployment.stale

    def _ask_to_parse(self, known: Mapping[str, LiveSummary]) -> None:
        for each, state in self._waiting.items():
            summary = known.get(each.name) if each.version else None
            if summary is None or not self._may_parse or not self._is_over(state.asked, _ASK_AGAIN):
                continue
            state.asked = self._now()
            try:
                self.live.parse(summary)
            except NotAllowedError:
                self._may_parse = False

    def _is_over(self, since: datetime | None, seconds: float) -> bool:
        """Whether so many seconds have passed, or more where many deployments are waited for."""
        if since is None:
            return True
        return (self._now() - since).total_seconds() >= max(seconds, len(self._waiting) / _PER_SECOND)

    def _arrived(self, arrivals: Sequence[Arrival]) -> Sequence[Arrival]:
        for arrival in arrivals:
            del self._waiting[arrival.expected]
            self.arrivals[arrival.expected.address] = arrival
        return arrivals


def last_lines(traceback: str) -> str:
    """The end of a traceback: where it happened, and the error."""
    return "\n".join(traceback.rstrip().splitlines()[-_MOST_TRACEBACK:])
