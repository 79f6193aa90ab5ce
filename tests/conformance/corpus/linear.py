"""Three steps in a row."""

from metaflow import FlowSpec, step

CASE = {"shows": ["linear"], "like_metaflow": True, "artifacts": {"end": {"trail": ["start", "middle", "end"]}}}


class LinearFlow(FlowSpec):
    @step
    def start(self):
        self.trail = ["start"]
        self.next(self.middle)

    @step
    def middle(self):
        self.trail.append("middle")
        self.next(self.end)

    @step
    def end(self):
        self.trail.append("end")


if __name__ == "__main__":
    LinearFlow()
