"""A step that never works, and a flow that goes on after its last attempt."""

from metaflow import FlowSpec, catch, retry, step

CASE = {
    "shows": ["`@catch` after the last attempt"],
    "artifacts": {"end": {"seen": "ValueError: this never works"}},
    "attempts": {"hopeless": 1},
}


class CaughtFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.hopeless)

    @catch(var="failure")
    @retry(times=1, minutes_between_retries=0)
    @step
    def hopeless(self):
        raise ValueError("this never works")
        self.next(self.end)

    @step
    def end(self):
        self.seen = f"{self.failure.type.rpartition('.')[2]}: {self.failure.exception}"


if __name__ == "__main__":
    CaughtFlow()
