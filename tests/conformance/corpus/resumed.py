"""A flow with a bug: its failed run is resumed on the machine of whoever mends it."""

import os

from metaflow import FlowSpec, step

CASE = {
    "shows": ["`resume` of a failed run, locally"],
    "state": "failed",
    "states": {"start": ["success"], "work": ["failed"], "end": ["upstream_failed"]},
}


class ResumedFlow(FlowSpec):
    @step
    def start(self):
        self.runs = [os.environ["METAFLOW_RUNTIME_NAME"]]
        self.next(self.work)

    @step
    def work(self):
        self.value = int("2fail")
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ResumedFlow()
