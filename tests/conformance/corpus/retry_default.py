"""The retries of the manifest, for the steps that have none of their own."""

from metaflow import FlowSpec, current, retry, step

CASE = {
    "shows": ["the manifest's default for steps without their own"],
    "entry": {"retries": {"times": 1, "minutes_between": 0}},
    "attempts": {"start": 1},
    "artifacts": {"start": {"attempt": 1}},
}


class RetryDefaultFlow(FlowSpec):
    @step
    def start(self):
        self.attempt = current.retry_count
        if self.attempt < 1:
            raise ValueError("not yet")
        self.next(self.end)

    @retry(times=3, minutes_between_retries=7)
    @step
    def end(self):
        pass


if __name__ == "__main__":
    RetryDefaultFlow()
