"""Steps whose process ends early with exit code 0: they fail, are tried again, and are caught, as after any failure."""

import os
import sys

from metaflow import FlowSpec, catch, current, retry, step

CASE = {
    "shows": ["a step that ends with `sys.exit(0)` or `os._exit(0)` fails"],
    "state": "failed",
    "states": {"retried": ["success"], "caught": ["success"], "join": ["failed"], "end": ["upstream_failed"]},
    "attempts": {"start": 0, "retried": 1, "caught": 1, "join": 0},
    "artifacts": {"caught": {"went_on": True}},
}


class ExitsFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.retried, self.left)

    @retry(times=1, minutes_between_retries=0)
    @step
    def retried(self):
        if current.retry_count == 0:
            sys.exit(0)
        self.next(self.join)

    @catch(var="failure")
    @step
    def left(self):
        os._exit(0)
        self.next(self.caught)

    @retry(times=1, minutes_between_retries=0)
    @step
    def caught(self):
        self.went_on = bool(self.failure)
        if current.retry_count == 0:
            return
        self.next(self.join)

    @step
    def join(self, inputs):
        try:
            sys.exit(0)
        except SystemExit:
            print("a caught exit is no end")
        if inputs:
            sys.exit(0)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ExitsFlow()
