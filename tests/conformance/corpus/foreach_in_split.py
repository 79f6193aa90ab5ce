"""A foreach in each branch of a split."""

from metaflow import FlowSpec, step

CASE = {
    "shows": ["foreach inside a split"],
    "like_metaflow": True,
    "artifacts": {"both": {"sums": [3, 30]}},
}


class ForeachInSplitFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.small, self.large)

    @step
    def small(self):
        self.items = [1, 2]
        self.next(self.one, foreach="items")

    @step
    def one(self):
        self.value = self.input
        self.next(self.sum_small)

    @step
    def sum_small(self, inputs):
        self.sum = sum(each.value for each in inputs)
        self.next(self.both)

    @step
    def large(self):
        self.items = [30]
        self.next(self.ten, foreach="items")

    @step
    def ten(self):
        self.value = self.input
        self.next(self.sum_large)

    @step
    def sum_large(self, inputs):
        self.sum = sum(each.value for each in inputs)
        self.next(self.both)

    @step
    def both(self, inputs):
        self.sums = [inputs.sum_small.sum, inputs.sum_large.sum]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ForeachInSplitFlow()
