"""A foreach with a body of three steps."""

from metaflow import FlowSpec, step

CASE = {
    "shows": ["foreach with a body of several steps"],
    "like_metaflow": True,
    "artifacts": {"join": {"values": [[1, 2, 3], [10, 11, 12]]}},
}


class ForeachBodyFlow(FlowSpec):
    @step
    def start(self):
        self.items = [1, 10]
        self.next(self.first, foreach="items")

    @step
    def first(self):
        self.values = [self.input]
        self.next(self.second)

    @step
    def second(self):
        self.values.append(self.input + 1)
        self.next(self.third)

    @step
    def third(self):
        self.values.append(self.input + 2)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.values = [one.values for one in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ForeachBodyFlow()
