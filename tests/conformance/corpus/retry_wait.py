"""Minutes between attempts."""

from metaflow import FlowSpec, retry, step

CASE = {"shows": ["`minutes_between_retries`"]}


class RetryWaitFlow(FlowSpec):
    @retry(times=1, minutes_between_retries=3)
    @step
    def start(self):
        self.next(self.end)

    @retry(times=4)
    @step
    def end(self):
        pass


if __name__ == "__main__":
    RetryWaitFlow()
