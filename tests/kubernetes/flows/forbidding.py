import sys

from metaflow import FlowSpec, retry, step
from metaflow.exception import METAFLOW_EXIT_DISALLOW_RETRY


class ForbiddingFlow(FlowSpec):
    """Ends with the exit code that forbids retries, in a step whose pod says what follows it."""

    @retry(times=2, minutes_between_retries=0)
    @step
    def start(self):
        self.items = [1]
        if self.items:
            sys.exit(METAFLOW_EXIT_DISALLOW_RETRY)
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ForbiddingFlow()
