"""A flow whose second step fails until a file says otherwise; retries and what catches them."""

import os

from metaflow import FlowSpec, catch, current, retry, step


class FailsFlow(FlowSpec):
    @step
    def start(self):
        self.value = 1
        self.next(self.flaky)

    @retry(times=2)
    @step
    def flaky(self):
        self.attempt = current.retry_count
        if current.retry_count < 1:
            raise ValueError("not yet")
        self.next(self.caught)

    @catch(var="failure")
    @step
    def caught(self):
        raise KeyError("always")
        self.next(self.broken)

    @step
    def broken(self):
        if not os.environ.get("FIXED"):
            raise ValueError("broken")
        self.next(self.end)

    @step
    def end(self):
        self.done = self.value + 1


if __name__ == "__main__":
    FailsFlow()
