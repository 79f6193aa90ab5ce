"""A switch with a foreach and a split in its branches."""

from metaflow import FlowSpec, step

CASE = {
    "shows": ["foreach inside a switch"],
    "like_metaflow": True,
}


class ForeachChosenFlow(FlowSpec):
    @step
    def start(self):
        self.way = "many"
        self.next({"many": self.spread, "one": self.alone}, condition="way")

    @step
    def spread(self):
        self.items = [1, 2, 3]
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.value = self.input * 10
        self.next(self.check)

    @step
    def check(self):
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.values = [one.value for one in inputs]
        self.next(self.merge)

    @step
    def alone(self):
        self.next(self.left, self.right)

    @step
    def left(self):
        self.value = 1
        self.next(self.both)

    @step
    def right(self):
        self.value = 2
        self.next(self.both)

    @step
    def both(self, inputs):
        self.values = [inputs.left.value, inputs.right.value]
        self.next(self.merge)

    @step
    def merge(self):
        self.total = sum(self.values)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ForeachChosenFlow()
