"""A flow with a bug, to be reproduced and fixed on a laptop after it failed on Airflow."""

from metaflow import FlowSpec, step


class DebugFlow(FlowSpec):
    """Fails in step b, on purpose.

    Take the run's id from the failed task's Rendered Template page and run
    `python debug.py resume --origin-run-id airflow-...`: the results of start and a are used again, b runs anew.
    """

    @step
    def start(self):
        """Two branches: one works, one does not."""
        self.next(self.a, self.b)

    @step
    def a(self):
        """The branch that works."""
        self.x = 1
        self.next(self.join)

    @step
    def b(self):
        """The branch with the bug: that text is no number."""
        self.x = int("2fail")
        self.next(self.join)

    @step
    def join(self, inputs):
        """Only reached once b is mended."""
        self.total = sum(branch.x for branch in inputs)
        print(f"a is {inputs.a.x}, b is {inputs.b.x}, total is {self.total}")
        self.next(self.end)

    @step
    def end(self):
        """Nothing is left to do."""


if __name__ == "__main__":
    DebugFlow()
