"""Switches in a row: branches of unequal length, one that is the merge itself, and a switch in a branch."""

from metaflow import FlowSpec, step

CASE = {
    "shows": ["switch with branches of different length that merge"],
    "like_metaflow": True,
    "states": {"first": ["success"], "brief": ["skipped"], "extra": ["skipped"], "deep_end": ["skipped"]},
    "tasks": {"first": 1, "brief": 0},
}


class SwitchesFlow(FlowSpec):
    @step
    def start(self):
        self.way, self.trail = "long", ["start"]
        self.next({"long": self.first, "short": self.brief}, condition="way")

    @step
    def first(self):
        self.trail += ["first"]
        self.next(self.second)

    @step
    def second(self):
        self.trail += ["second"]
        self.next(self.merge)

    @step
    def brief(self):
        self.trail += ["brief"]
        self.next(self.merge)

    @step
    def merge(self):
        self.trail += ["merge"]
        self.skip = "yes"
        self.next({"yes": self.last, "no": self.extra}, condition="skip")

    @step
    def extra(self):
        self.trail += ["extra"]
        self.deep = "a"
        self.next({"a": self.deep_a, "b": self.deep_b}, condition="deep")

    @step
    def deep_a(self):
        self.next(self.deep_end)

    @step
    def deep_b(self):
        self.next(self.deep_end)

    @step
    def deep_end(self):
        self.next(self.last)

    @step
    def last(self):
        self.trail += ["last"]
        self.again = 2
        self.next({1: self.one, 2: self.two, 3: self.three}, condition="again")

    @step
    def one(self):
        self.next(self.end)

    @step
    def two(self):
        self.trail += ["two"]
        self.next(self.end)

    @step
    def three(self):
        self.next(self.end)

    @step
    def end(self):
        self.trail += ["end"]


if __name__ == "__main__":
    SwitchesFlow()
