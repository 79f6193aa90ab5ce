"""Requests to one object store: retried by one policy, within one limit of time, their errors explained."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from tenacity import RetryError, retry_if_exception

from deployer.models.target import TargetError
from deployer.targets.answer_clock import AnswerClock
from deployer.targets.client_options import ClientOptions
from deployer.targets.store_errors import explain, is_conflict, may_pass

T = TypeVar("T")


class StoreRequests:
    """Sends requests to the store at `url` (for messages)."""

    def __init__(self, url: str, options: ClientOptions) -> None:
        self._url = url
        self._options = options
        self._clock = AnswerClock(options.waits.seconds)

    def send(
        self,
        operation: str,
        request: Callable[[], T],
        file: str = "",
        given_up: Callable[[RetryError], T | None] = lambda _: None,
    ) -> T:
        """What `request` returns, which raises what the client raises. Raises TargetError, or what else it raises.

        `operation` is what is done ("reading it"). `given_up` is called when nothing is tried any more; it may raise,
        or know what the result is all the same.
        """
        with self._errors(file), self._options.waits.waiting_for(f"{self._url} ({operation})"):
            try:
                return self._options.retries.retrying(retry_if_exception(_may_retry), self._in_time)(
                    lambda: self._once(request)
                )
            except RetryError as exhausted:
                error = self._given_up(exhausted, operation, file)
                found = given_up(exhausted)
                if found is not None:
                    return found
                raise error from exhausted.last_attempt.exception()

    def _in_time(self, wait: float) -> bool:
        """Whether another attempt after `wait` seconds ends within the limit, even if it is not answered."""
        return self._clock.allows(wait + self._options.timeout)

    def _once(self, request: Callable[[], T]) -> T:
        self._clock.begin()
        answered = True
        try:
            return request()
        except Exception as error:
            answered = not may_pass(error)
            raise
        finally:
            self._clock.end(answered=answered)

    def _given_up(self, exhausted: RetryError, operation: str, file: str) -> TargetError:
        last = exhausted.last_attempt
        error = last.exception()
        assert isinstance(error, Exception)
        late = last.attempt_number < self._options.retries.attempts or not self._in_time(0)
        within = f" within {self._options.waits.seconds:g} seconds" if late else ""
        tries = f"{last.attempt_number} attempt{'s' if last.attempt_number > 1 else ''}{within}"
        what, hint = explain(error, self._place(file))
        found = TargetError(f"{what} ({tries}) while {operation}", hint)
        if late and not is_conflict(error):
            self._clock.give_up(found)
        return found

    def _place(self, file: str) -> str:
        return f"{self._url}/{file}" if file else self._url

    @contextmanager
    def _errors(self, file: str) -> Iterator[None]:
        from obstore.exceptions import BaseError

        try:
            yield
        except (BaseError, FileNotFoundError, ValueError) as error:
            raise TargetError(*explain(error, self._place(file))) from error


def _may_retry(error: BaseException) -> bool:
    from obstore.exceptions import BaseError

    return isinstance(error, BaseError) and (is_conflict(error) or may_pass(error))
