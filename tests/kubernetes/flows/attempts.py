import os
import sys

from metaflow import Config, FlowSpec, catch, current, project, retry, step


@project(name="growth")
class AttemptsFlow(FlowSpec):
    """Steps that fail: one that works at the second attempt, and one that never does."""

    settings = Config("settings", default_value={"rate": 1})

    @retry(times=2, minutes_between_retries=0)
    @step
    def start(self):
        self.attempt = current.retry_count
        print(f"attempt {self.attempt}")
        if self.attempt == 0:
            sys.stderr.write("too early\n")
            sys.stderr.flush()
            # Nothing of Metaflow's own gets to run: as when the kernel kills a step that takes too much memory.
            os.kill(os.getpid(), 9)
        self.rate = self.settings.rate
        self.project = (current.project_name, current.branch_name, current.project_flow_name)
        self.next(self.hopeless)

    @catch(var="failure")
    @retry(times=1, minutes_between_retries=0)
    @step
    def hopeless(self):
        raise ValueError("this never works")
        self.next(self.end)

    @step
    def end(self):
        self.seen = str(self.failure)


if __name__ == "__main__":
    AttemptsFlow()
