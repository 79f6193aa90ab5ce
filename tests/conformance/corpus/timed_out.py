"""A step that takes too long."""

import time

from metaflow import FlowSpec, catch, step, timeout

CASE = {
    "shows": ["`@timeout`"],
    # Metaflow wants a minute at least in a pod.
    "computes": ["local"],
    "artifacts": {"end": {"was_timeout": True}},
}


class TimedOutFlow(FlowSpec):
    @catch(var="failure")
    @timeout(seconds=2)
    @step
    def start(self):
        time.sleep(300)
        self.next(self.end)

    @step
    def end(self):
        self.was_timeout = "timed out" in str(self.failure)


if __name__ == "__main__":
    TimedOutFlow()
