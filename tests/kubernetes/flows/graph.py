from metaflow import FlowSpec, current, step


class GraphFlow(FlowSpec):
    """A split whose branches are a foreach of one step and a foreach of two."""

    @step
    def start(self):
        self.next(self.words, self.numbers)

    @step
    def words(self):
        self.found = ["a", "b"]
        self.next(self.upper, foreach="found")

    @step
    def upper(self):
        self.word = self.input.upper()
        self.next(self.spell)

    @step
    def spell(self, inputs):
        self.text = "".join(each.word for each in inputs)
        self.next(self.merge)

    @step
    def numbers(self):
        self.found = [10, 20]
        self.next(self.double, foreach="found")

    @step
    def double(self):
        self.number = self.input * 2
        self.next(self.add)

    @step
    def add(self):
        self.number += self.index
        self.next(self.total)

    @step
    def total(self, inputs):
        self.sum = sum(each.number for each in inputs)
        self.next(self.merge)

    @step
    def merge(self, inputs):
        self.merge_artifacts(inputs, include=["text", "sum"])
        self.next(self.end)

    @step
    def end(self):
        self.run = current.run_id


if __name__ == "__main__":
    GraphFlow()
