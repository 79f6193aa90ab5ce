"""How often an operation on a target is tried, and how long all of its attempts may take."""

from __future__ import annotations

from dataclasses import dataclass

from tenacity import (
    Retrying,
    retry_base,
    stop_after_attempt,
    stop_after_delay,
    stop_never,
    wait_random_exponential,
)


@dataclass(frozen=True)
class RetryPolicy:
    """At most `attempts` in all. After `budget` seconds (None: no limit) no further attempt is started.

    The wait before an attempt is random, so that those who were refused together do not come back together. Its upper
    limit starts at `first_wait` seconds and doubles each time, up to `longest_wait`.
    """

    attempts: int
    first_wait: float
    longest_wait: float
    budget: float | None = None

    def retrying(self, retry: retry_base) -> Retrying:
        """Calls a function, or iterates over attempts, as long as `retry` says so.

        An exception that is not to be retried is raised as it is. When the attempts are exhausted, tenacity.RetryError
        is raised, whose `last_attempt` has the result or the exception.
        """
        in_time = stop_never if self.budget is None else stop_after_delay(self.budget)
        return Retrying(
            retry=retry,
            stop=stop_after_attempt(self.attempts) | in_time,
            wait=wait_random_exponential(multiplier=self.first_wait, max=self.longest_wait),
        )
