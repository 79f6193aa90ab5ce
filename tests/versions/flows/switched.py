"""A choice between two steps."""

from metaflow import FlowSpec, Parameter, step


class SwitchedFlow(FlowSpec):
    size = Parameter("size", default="big")

    @step
    def start(self):
        self.next({"big": self.slow, "small": self.quick}, condition="size")

    @step
    def slow(self):
        self.way = "slow"
        self.next(self.end)

    @step
    def quick(self):
        self.way = "quick"
        self.next(self.end)

    @step
    def end(self):
        print(self.way)


if __name__ == "__main__":
    SwitchedFlow()
