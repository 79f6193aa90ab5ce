"""Looks whether an orchestrator on this machine has what was saved, and what it cannot import; it does not wait."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from time import monotonic

from deployer.models.description import Description, version_of
from deployer.models.live import Live, LiveImportError, time_of
from deployer.models.plan import Change


@dataclass(frozen=True)
class Arrival:
    """The orchestrator has a change, `seconds` after it was expected; or it cannot import the file (`error`).

    `address` is empty for a file that no change of this process wrote.
    """

    address: str
    seconds: float = 0.0
    error: LiveImportError | None = None


@dataclass(frozen=True)
class _Expected:
    change: Change
    version: str | None
    since: float


class Arrivals:
    """What is expected of a running orchestrator, and the errors that it reports since `started`."""

    def __init__(self, started: datetime) -> None:
        self._started = started
        self._expected: dict[str, _Expected] = {}
        self._told: set[tuple[str, str | None]] = set()

    @property
    def are_expected(self) -> bool:
        """Whether anything is."""
        return bool(self._expected)

    def expect(self, changes: Iterable[Change], since: float) -> None:
        """Expect changes that were applied. `since` is when their files were saved, as `time.monotonic` has it."""
        for change in changes:
            after = change.after if change.writes else None
            version = version_of(after) if isinstance(after, Description) else None
            self._expected[change.name] = _Expected(change, version, since)

    def look(self, live: Live) -> list[Arrival]:
        """What has arrived since the last look. Raises LiveError."""
        errors = {error.file_name: error for error in live.import_errors() if self._is_new(error)}
        arrived = [*self._failed(errors), *self._arrived(live)]
        others = [Arrival("", error=error) for error in errors.values() if self._is_untold(error)]
        return [*arrived, *others]

    def _failed(self, errors: Mapping[str, LiveImportError]) -> Iterable[Arrival]:
        for expected in [*self._expected.values()]:
            error = errors.get(expected.change.file)
            if error is not None and self._is_untold(error):
                yield self._arrival(expected, error)

    def _arrived(self, live: Live) -> Iterable[Arrival]:
        for expected in [*self._expected.values()]:
            found = live.deployment(expected.change.name)
            if expected.version is None:
                if found is None or found.stale:
                    yield self._arrival(expected)
            elif found is not None and found.version == expected.version and not found.stale:
                yield self._arrival(expected)
            elif found is not None:
                live.parse(found)

    def _arrival(self, expected: _Expected, error: LiveImportError | None = None) -> Arrival:
        del self._expected[expected.change.name]
        return Arrival(expected.change.address, monotonic() - expected.since, error)

    def _is_new(self, error: LiveImportError) -> bool:
        """Whether the error came since the start: those of another time may be about files that have changed since."""
        at = time_of(error.at)
        return at is None or at >= self._started

    def _is_untold(self, error: LiveImportError) -> bool:
        known = (error.file, error.at)
        if known in self._told:
            return False
        self._told.add(known)
        return True
