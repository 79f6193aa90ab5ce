"""A switch in a foreach that leads each item past the foreach inside of it; in the other run it leads one there."""

from metaflow import FlowSpec, Parameter, step

CASE = {
    "shows": ["switch inside a foreach"],
    "like_metaflow": True,
    "runs": [{}, {"conf": {"kinds": "flat,deep,flat"}, "minute": 1}],
}


class SwitchPastForeachFlow(FlowSpec):
    kinds = Parameter("kinds", default="flat,flat")

    @step
    def start(self):
        self.outer = self.kinds.split(",")
        self.next(self.pick, foreach="outer")

    @step
    def pick(self):
        self.kind = self.input
        self.next({"deep": self.spread, "flat": self.pass_by}, condition="kind")

    @step
    def spread(self):
        self.inner = [1, 2]
        self.next(self.each, foreach="inner")

    @step
    def each(self):
        self.found = self.input
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.found = [one.found for one in inputs]
        self.next(self.join)

    @step
    def pass_by(self):
        self.found = []
        self.next(self.join)

    @step
    def join(self, inputs):
        self.found = [one.found for one in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SwitchPastForeachFlow()
