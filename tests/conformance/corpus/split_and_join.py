"""Three branches that are joined."""

from metaflow import FlowSpec, step

CASE = {
    "shows": ["split and join"],
    "like_metaflow": True,
    "artifacts": {"join": {"values": {"a": 1, "b": 2, "c": 3}, "shared": "kept"}},
}


class SplitAndJoinFlow(FlowSpec):
    @step
    def start(self):
        self.shared = "kept"
        self.next(self.a, self.b, self.c)

    @step
    def a(self):
        self.value = 1
        self.next(self.join)

    @step
    def b(self):
        self.value = 2
        self.next(self.join)

    @step
    def c(self):
        self.value = 3
        self.next(self.join)

    @step
    def join(self, inputs):
        self.values = {"a": inputs.a.value, "b": inputs.b.value, "c": inputs.c.value}
        self.merge_artifacts(inputs, include=["shared"])
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SplitAndJoinFlow()
