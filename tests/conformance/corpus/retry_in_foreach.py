"""One item of a foreach needs a second attempt."""

from metaflow import FlowSpec, current, retry, step

CASE = {
    "shows": ["retries inside a foreach"],
    "artifacts": {"join": {"attempts": [0, 1, 0]}},
    "attempts": {"join": 0},
}


class RetryInForeachFlow(FlowSpec):
    @step
    def start(self):
        self.items = [0, 1, 0]
        self.next(self.work, foreach="items")

    @retry(times=1, minutes_between_retries=0)
    @step
    def work(self):
        self.attempt = current.retry_count
        if self.attempt < self.input:
            raise ValueError("not yet")
        self.next(self.join)

    @step
    def join(self, inputs):
        self.attempts = [one.attempt for one in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    RetryInForeachFlow()
