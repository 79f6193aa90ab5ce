"""How often something is tried, and for how long."""

from __future__ import annotations

import pytest
from tenacity import RetryError, retry_if_exception_type

from deployer.targets.retry_policy import RetryPolicy


class Failing:
    """Fails with each of these errors, one for each call, and then returns the number of calls."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = errors
        self.calls = 0

    def __call__(self) -> int:
        self.calls += 1
        if self.calls <= len(self.errors):
            raise self.errors[self.calls - 1]
        return self.calls


is_timeout = retry_if_exception_type(TimeoutError)


QUICK = RetryPolicy(attempts=3, first_wait=0.001, longest_wait=0.002)


def test_what_may_pass_is_tried_again() -> None:
    assert QUICK.retrying(is_timeout)(Failing(TimeoutError(), TimeoutError())) == 3


def test_the_attempts_are_counted() -> None:
    last = TimeoutError("third")
    failing = Failing(TimeoutError(), TimeoutError(), last, TimeoutError())
    with pytest.raises(RetryError) as exhausted:
        QUICK.retrying(is_timeout)(failing)
    assert failing.calls == exhausted.value.last_attempt.attempt_number == 3
    assert exhausted.value.last_attempt.exception() is last


def test_any_other_error_is_raised_as_it_is() -> None:
    failing = Failing(TimeoutError(), KeyError("other"))
    with pytest.raises(KeyError, match="other"):
        QUICK.retrying(is_timeout)(failing)
    assert failing.calls == 2


def test_no_attempt_is_made_for_which_there_is_no_time() -> None:
    waits: list[float] = []

    def in_time(wait: float) -> bool:
        waits.append(wait)
        return len(waits) < 2

    failing = Failing(TimeoutError(), TimeoutError(), TimeoutError())
    with pytest.raises(RetryError) as exhausted:
        QUICK.retrying(is_timeout, in_time)(failing)
    assert failing.calls == exhausted.value.last_attempt.attempt_number == 2
    assert all(0 <= wait <= QUICK.longest_wait for wait in waits)
