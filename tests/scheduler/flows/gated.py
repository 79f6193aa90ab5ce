"""A foreach whose steps wait at gates: `MFDEPLOY_TEST_GATES` is a folder, a gate is open when its file is there."""

import os
import time
from pathlib import Path

from metaflow import FlowSpec, Parameter, current, retry, step


class GatedFlow(FlowSpec):
    gates = Parameter("gates", help="The folder of the gates; one step waits at the file STEP-INDEX-ATTEMPT.")

    def wait(self):
        name = f"{current.step_name}-{self.index or 0}-{current.retry_count}"
        gate = Path(self.gates, name)
        Path(self.gates, f"at-{name}").write_text(str(os.getpid()))
        while Path(self.gates, f"{name}-closed").exists() and not gate.exists():
            time.sleep(0.05)
        if Path(self.gates, f"{name}-fails").exists():
            raise ValueError(f"{name} fails")
        self.passed = [*getattr(self, "passed", []), name]

    @step
    def start(self):
        self.items = ["a", "b", "c"]
        self.next(self.first, foreach="items")

    @retry(times=4, minutes_between_retries=0)
    @step
    def first(self):
        self.wait()
        self.next(self.second)

    @step
    def second(self):
        self.wait()
        self.letter = self.input
        self.next(self.join)

    @step
    def join(self, inputs):
        self.wait()
        self.letters = [one.letter for one in inputs]
        self.way = [one.passed for one in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    GatedFlow()
