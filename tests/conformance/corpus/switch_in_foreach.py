"""Items of a foreach that go different ways, and meet in a step or only in the join."""

from metaflow import FlowSpec, step

CASE = {
    "shows": ["switch inside a foreach"],
    "like_metaflow": True,
    "states": {"cut": ["success", "skipped", "skipped"], "pack": ["success", "success", "skipped"]},
}


class SwitchInForeachFlow(FlowSpec):
    @step
    def start(self):
        self.items = ["big", "small", "odd"]
        self.next(self.look, foreach="items")

    @step
    def look(self):
        self.kind = self.input
        self.next({"big": self.cut, "small": self.pack, "odd": self.mend}, condition="kind")

    @step
    def cut(self):
        self.trail = ["cut"]
        self.next(self.sand)

    @step
    def sand(self):
        self.trail += ["sand"]
        self.next(self.pack)

    @step
    def pack(self):
        self.trail = [*getattr(self, "trail", []), "pack"]
        self.next(self.gather)

    @step
    def mend(self):
        self.trail = ["mend"]
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.found = sorted([one.kind, *one.trail] for one in inputs)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SwitchInForeachFlow()
