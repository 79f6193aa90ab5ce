"""A foreach of which one item fails as long as a file is there."""

from pathlib import Path

from metaflow import FlowSpec, Parameter, step


class SwitchboardFlow(FlowSpec):
    """Counts, and fails where it is told to."""

    count = Parameter("count", type=int, default=3, help="How many items.")
    broken = Parameter("broken", default="", help="The item 1 fails while this file exists.")

    @step
    def start(self):
        self.numbers = list(range(self.count))
        self.next(self.work, foreach="numbers")

    @step
    def work(self):
        print(f"working on {self.input}")
        if self.broken and self.input == 1 and Path(self.broken).exists():
            raise ValueError("the line is dead")
        self.square = self.input**2
        self.next(self.join)

    @step
    def join(self, inputs):
        self.total = sum(one.square for one in inputs)
        self.next(self.end)

    @step
    def end(self):
        print(f"the total is {self.total}")


if __name__ == "__main__":
    SwitchboardFlow()
