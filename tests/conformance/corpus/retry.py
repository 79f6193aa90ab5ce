"""A step that works at its third attempt."""

from metaflow import FlowSpec, current, retry, step

CASE = {
    "shows": ["`@retry` with the real attempt number"],
    "artifacts": {"start": {"attempt": 2}},
    "attempts": {"start": 2, "end": 0},
}


class RetryFlow(FlowSpec):
    @retry(times=2, minutes_between_retries=0)
    @step
    def start(self):
        self.attempt = current.retry_count
        if self.attempt < 2:
            raise ValueError("not yet")
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    RetryFlow()
