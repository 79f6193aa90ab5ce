"""A foreach of as many items as one likes, and foreaches inside of one."""

from metaflow import FlowSpec, Parameter, step


class WideFlow(FlowSpec):
    outer = Parameter("outer", default=2)
    inner = Parameter("inner", default=2)

    @step
    def start(self):
        self.places = range(self.outer)
        self.next(self.spread, foreach="places")

    @step
    def spread(self):
        self.numbers = range(self.inner)
        self.next(self.each, foreach="numbers")

    @step
    def each(self):
        self.number = self.input
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.sum = sum(one.number for one in inputs)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.sums = [one.sum for one in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    WideFlow()
