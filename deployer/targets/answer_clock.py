"""The time for which a server has not answered: one for all requests to it, side by side or one after another."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from time import monotonic

from deployer.models.target import TargetError


class AnswerClock:
    """Runs while something is asked of a server; each answer sets it back.

    What is tried again, in how many threads and by which operation makes no difference: once the server has given no
    answer for `limit` seconds, it is not asked any more, and every operation fails with the first one's error.
    """

    def __init__(self, limit: float, now: Callable[[], float] = monotonic) -> None:
        self.limit = limit
        self._now = now
        self._lock = Lock()
        self._asking = 0
        self._since = 0.0  # since when there was no answer, while something is asked
        self._spent = 0.0  # what had passed when nothing was asked any more
        self._error: TargetError | None = None

    def begin(self) -> None:
        """Something is asked. Raises the TargetError of `give_up`."""
        with self._lock:
            if self._error is not None:
                raise TargetError(str(self._error), self._error.hint)
            if not self._asking:
                self._since = self._now() - self._spent
            self._asking += 1

    def end(self, *, answered: bool) -> None:
        """It was answered, if only by a refusal, or it was not."""
        with self._lock:
            self._asking -= 1
            if answered:
                self._since = self._now()
            self._spent = self._now() - self._since if not answered else 0.0

    def allows(self, seconds: float) -> bool:
        """Whether so many more seconds without an answer are within the limit."""
        with self._lock:
            return self._now() - self._since + seconds <= self.limit

    def give_up(self, error: TargetError) -> None:
        """Ask no more: `error` says why."""
        with self._lock:
            self._error = self._error or error
