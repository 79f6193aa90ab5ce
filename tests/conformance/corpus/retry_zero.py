"""A step that must not run twice, in a manifest where others may."""

from metaflow import FlowSpec, retry, step

CASE = {
    "shows": ["`@retry(times=0)`"],
    "entry": {"retries": {"times": 2, "minutes_between": 0}},
    "state": "failed",
    "attempts": {"start": 0},
    "states": {"start": ["failed"], "end": ["upstream_failed"]},
}


class RetryZeroFlow(FlowSpec):
    @retry(times=0)
    @step
    def start(self):
        raise ValueError("once is enough")
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    RetryZeroFlow()
