"""When somebody is waited for too long: first a notice, then the end."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

# A package on its way to the store is no silence: a second more for so many bytes.
_BYTES_IN_A_SECOND = 1 << 18


class Silence:
    """The time since a store last answered, while something is being stored.

    `limit` and `notice` are seconds. Without a `limit` it never ends.
    """

    def __init__(self, limit: float | None, notice: float, now: Callable[[], float] = monotonic) -> None:
        self._limit = limit
        self._notice = notice
        self._now = now
        self._since: float | None = None
        self._noticed = False
        self._more = 0.0

    def begin(self, size: int) -> None:
        """So many bytes are to be stored."""
        if self._since is None:
            self._since = self._now()
        self._more += size / _BYTES_IN_A_SECOND

    def answered(self, *, waits: bool) -> None:
        """Something is stored; whether something else `waits`."""
        self._since = self._now() if waits else None
        if not waits:
            self._more = 0.0

    @property
    def time_left(self) -> float | None:
        """Seconds until one of the next two is true; None if none will be."""
        if self._since is None or self._limit is None:
            return None
        wait = self._limit + self._more if self._noticed else self._notice
        return max(0.0, self._since + wait - self._now())

    @property
    def is_long(self) -> bool:
        """True once, when it is time for the notice."""
        if self._noticed or self.time_left != 0:
            return False
        self._noticed = True
        return True

    @property
    def is_too_long(self) -> bool:
        """Whether the limit has passed."""
        return self._noticed and self.time_left == 0
