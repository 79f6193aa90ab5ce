"""A step that runs another flow, which is beside its own."""

import subprocess
import sys

from metaflow import Config, Flow, FlowSpec, Runner, step

CASE = {
    "shows": ["a flow that a step runs: by `Runner`, and by `python other.py run`"],
    "files": {
        "flow_beside.py": """
from metaflow import Config, FlowSpec, Parameter, step


class FlowBeside(FlowSpec):
    own = Config("own", default_value={"by": 2})
    n = Parameter("n", default=1)

    @step
    def start(self):
        self.double = self.n * self.own.by
        self.next(self.end)

    @step
    def end(self):
        print("done beside")


if __name__ == "__main__":
    FlowBeside()
"""
    },
    "artifacts": {"start": {"by_command": [0, True], "by_runner": ["successful", 8, True]}},
    "cold": True,
}


class FlowInAStep(FlowSpec):
    cfg = Config("cfg", default_value={"a": 1})

    @step
    def start(self):
        command = [sys.executable, "flow_beside.py", "--no-pylint", "run", "--n", "3"]
        done = subprocess.run(command, capture_output=True, text=True)
        self.by_command = [done.returncode, "done beside" in done.stdout]
        with Runner("flow_beside.py", pylint=False).run(n=4) as running:
            is_latest = Flow("FlowBeside").latest_run.id == running.run.id
            self.by_runner = [running.status, running.run.data.double, is_latest]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    FlowInAStep()
