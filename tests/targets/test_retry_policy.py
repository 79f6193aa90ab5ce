"""How often something is tried, and for how long."""

from __future__ import annotations

from time import monotonic

import pytest
from tenacity import RetryError, retry_if_exception_type

from deployer.targets.client_options import ClientOptions
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


def test_the_budget_is_for_all_attempts_together() -> None:
    policy = RetryPolicy(attempts=100_000, first_wait=0.01, longest_wait=0.01, budget=0.2)
    started = monotonic()
    with pytest.raises(RetryError):
        policy.retrying(is_timeout)(Failing(*[TimeoutError()] * 100_000))
    assert monotonic() - started >= 0.2


def test_a_client_retries_reads_by_the_same_policy() -> None:
    retry = ClientOptions(retries=RetryPolicy(4, first_wait=0.5, longest_wait=3, budget=7)).retry
    assert retry["max_retries"] == 3
    assert retry["retry_timeout"].total_seconds() == 7
    assert {name: getattr(value, "total_seconds", lambda: 0)() for name, value in retry["backoff"].items()} == {
        "init_backoff": 0.5,
        "max_backoff": 3,
        "base": 0,
    }
