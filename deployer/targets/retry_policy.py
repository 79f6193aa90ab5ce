"""How often something is tried at a target, and how long to wait before the next attempt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tenacity import RetryCallState, Retrying, retry_base, stop_after_attempt, wait_random_exponential


def always(wait: float) -> bool:
    """The default of `in_time`: only the number of attempts is limited."""
    return True


@dataclass(frozen=True)
class RetryPolicy:
    """At most `attempts` in all.

    The wait before an attempt is random, so that those who were refused together do not come back together. Its upper
    limit starts at `first_wait` seconds and doubles each time, up to `longest_wait`.
    """

    attempts: int
    first_wait: float
    longest_wait: float

    def retrying(self, retry: retry_base, in_time: Callable[[float], bool] = always) -> Retrying:
        """Calls a function, or iterates over attempts, as long as `retry` says so.

        `in_time` is given the wait (seconds) before the next attempt and says whether there is time for both.

        An exception that is not to be retried is raised as it is. When the attempts are exhausted, tenacity.RetryError
        is raised, whose `last_attempt` has the result or the exception.
        """

        def too_late(state: RetryCallState) -> bool:
            return not in_time(state.upcoming_sleep)

        attempts = stop_after_attempt(self.attempts)
        return Retrying(
            retry=retry,
            stop=lambda state: attempts(state) or too_late(state),
            wait=wait_random_exponential(multiplier=self.first_wait, max=self.longest_wait),
        )
