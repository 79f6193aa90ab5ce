"""A step that starts another flow in each way that there is, and itself once more."""

import os
import subprocess
import sys

from metaflow import Config, Flow, FlowSpec, Parameter, Runner, Task, current, step


class OuterFlow(FlowSpec):
    cfg = Config("cfg", default_value={"a": 1})
    n = Parameter("n", default=4)

    @step
    def start(self):
        self.again = os.environ.get("AGAIN")
        if not self.again:
            done = subprocess.run([sys.executable, "child.py", "run", "--n", "3"], capture_output=True, text=True)
            self.by_command = (done.returncode, "child done" in done.stdout)
            with Runner("child.py").run(n=self.n) as running:
                self.by_runner = (running.status, running.run.data.double, running.run.code)
                self.is_latest = Flow("ChildFlow").latest_run.id == running.run.id
            again = subprocess.run(
                [sys.executable, *sys.argv], env={**os.environ, "AGAIN": "1"}, capture_output=True, text=True
            )
            self.by_arguments = (again.returncode, again.stderr)
        self.value = self.cfg.a
        self.code = bool(Task(current.pathspec).code)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    OuterFlow()
