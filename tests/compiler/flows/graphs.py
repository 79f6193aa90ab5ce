"""A foreach with a body of two steps, a split inside it, and a nested foreach."""

from metaflow import FlowSpec, step


class GraphsFlow(FlowSpec):
    @step
    def start(self):
        self.items = ["a", "b"]
        self.next(self.body, foreach="items")

    @step
    def body(self):
        self.item = self.input
        self.next(self.left, self.right)

    @step
    def left(self):
        self.numbers = [1, 2, 3]
        self.next(self.inner, foreach="numbers")

    @step
    def inner(self):
        self.value = self.input
        self.next(self.collect)

    @step
    def collect(self, inputs):
        self.total = sum(one.value for one in inputs)
        self.next(self.both)

    @step
    def right(self):
        self.total = 0
        self.next(self.both)

    @step
    def both(self, inputs):
        self.total = inputs.left.total if hasattr(inputs, "left") else sum(one.total for one in inputs)
        self.next(self.done)

    @step
    def done(self, inputs):
        self.total = sum(one.total for one in inputs)
        self.next(self.end)

    @step
    def end(self):
        print("total", self.total)


if __name__ == "__main__":
    GraphsFlow()
