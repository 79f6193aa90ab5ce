"""A split in a foreach, with another foreach in one of its branches, inside of a split."""

from metaflow import FlowSpec, step

CASE = {
    "shows": ["splits and foreaches inside of each other"],
    "like_metaflow": True,
}


class SplitsFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.many, self.plain)

    @step
    def plain(self):
        self.total = 100
        self.next(self.both)

    @step
    def many(self):
        self.items = ["a", "b"]
        self.next(self.body, foreach="items")

    @step
    def body(self):
        self.item = self.input
        self.next(self.left, self.right)

    @step
    def left(self):
        self.numbers = [1, 2, 3][self.index :]
        self.next(self.count, foreach="numbers")

    @step
    def count(self):
        self.value = self.input
        self.next(self.counted)

    @step
    def counted(self, inputs):
        self.total = sum(one.value for one in inputs)
        self.next(self.halves)

    @step
    def right(self):
        self.total = 10
        self.next(self.halves)

    @step
    def halves(self, inputs):
        self.total = inputs.counted.total + inputs.right.total
        self.item = inputs.right.item
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.totals = [(one.item, one.total) for one in inputs]
        self.total = sum(one.total for one in inputs)
        self.next(self.both)

    @step
    def both(self, inputs):
        self.total = inputs.plain.total + inputs.gather.total
        self.totals = inputs.gather.totals
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SplitsFlow()
