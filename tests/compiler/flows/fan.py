"""A foreach that is run by hand, and then a switch."""

from metaflow import FlowSpec, Parameter, step


class FanFlow(FlowSpec):
    count = Parameter("count", default=3)

    @step
    def start(self):
        self.items = list(range(self.count))
        self.next(self.square, foreach="items")

    @step
    def square(self):
        self.result = self.input**2
        self.next(self.join)

    @step
    def join(self, inputs):
        self.results = [one.result for one in inputs]
        self.next(self.choose)

    @step
    def choose(self):
        self.size = "big" if sum(self.results) > 3 else "small"
        self.next({"big": self.big, "small": self.small}, condition="size")

    @step
    def big(self):
        self.next(self.end)

    @step
    def small(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    FanFlow()
