"""A switch in the outer and one in the inner of two foreaches; one outer item has no inner ones."""

from metaflow import FlowSpec, step

CASE = {
    "shows": ["switch inside a nested foreach"],
    "like_metaflow": True,
}


class SwitchInNestedFlow(FlowSpec):
    @step
    def start(self):
        self.outer = ["deep", "flat", "deep"]
        self.next(self.pick, foreach="outer")

    @step
    def pick(self):
        self.kind, self.number = self.input, self.index
        self.next({"deep": self.spread, "flat": self.skip}, condition="kind")

    @step
    def spread(self):
        self.inner = list(range(self.number + 1))
        self.next(self.test, foreach="inner")

    @step
    def test(self):
        self.value = self.input
        self.even = self.value % 2 == 0
        self.parity = "even" if self.even else "uneven"
        self.next({"even": self.half, "uneven": self.triple}, condition="parity")

    @step
    def half(self):
        self.result = self.value / 2
        self.next(self.tested)

    @step
    def triple(self):
        self.result = self.value * 3
        self.next(self.checked)

    @step
    def checked(self):
        self.next(self.tested)

    @step
    def tested(self):
        self.next(self.inner_join)

    @step
    def inner_join(self, inputs):
        self.results = [one.result for one in inputs]
        self.next(self.merge)

    @step
    def skip(self):
        self.results = []
        self.next(self.merge)

    @step
    def merge(self):
        self.size = len(self.results)
        self.next(self.outer_join)

    @step
    def outer_join(self, inputs):
        self.results = [one.results for one in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SwitchInNestedFlow()
