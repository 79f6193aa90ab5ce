"""A foreach with a body of one step."""

from metaflow import FlowSpec, step

CASE = {
    "shows": ["foreach"],
    "like_metaflow": True,
    "tasks": {"work": 3, "join": 1},
    "artifacts": {"work": [{"word": "A"}, {"word": "B"}, {"word": "C"}], "join": {"words": ["A", "B", "C"]}},
}


class ForeachFlow(FlowSpec):
    @step
    def start(self):
        self.items = ["a", "b", "c"]
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.word = self.input.upper()
        self.next(self.join)

    @step
    def join(self, inputs):
        self.words = [one.word for one in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ForeachFlow()
