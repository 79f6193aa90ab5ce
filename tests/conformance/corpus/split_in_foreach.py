"""Each item of a foreach is split and joined on its own."""

from metaflow import FlowSpec, step

CASE = {
    "shows": ["split inside a foreach"],
    "like_metaflow": True,
    "artifacts": {"gather": {"values": [[2, 10], [3, 20]]}},
}


class SplitInForeachFlow(FlowSpec):
    @step
    def start(self):
        self.items = [1, 2]
        self.next(self.take, foreach="items")

    @step
    def take(self):
        self.next(self.more, self.times)

    @step
    def more(self):
        self.value = self.input + 1
        self.next(self.both)

    @step
    def times(self):
        self.value = self.input * 10
        self.next(self.both)

    @step
    def both(self, inputs):
        self.values = [inputs.more.value, inputs.times.value]
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.values = [one.values for one in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SplitInForeachFlow()
