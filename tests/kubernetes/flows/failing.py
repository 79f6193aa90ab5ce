import sys

from metaflow import FlowSpec, step


class FailingFlow(FlowSpec):
    """Ends with an error, after it has said something."""

    @step
    def start(self):
        print("said before the end")
        print("complained before the end", file=sys.stderr)
        raise KeyError("nothing is there")
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    FailingFlow()
