"""Three levels of foreach, ragged, with steps before and after the inner ones."""

from metaflow import FlowSpec, step

CASE = {
    "shows": ["nested foreach, three levels, ragged"],
    "like_metaflow": True,
    "artifacts": {"join_one": {"values": [[[1], [2, 3]], [[4]]]}},
}


class NestedThreeFlow(FlowSpec):
    @step
    def start(self):
        self.tree = [[[1], [2, 3]], [[4]]]
        self.next(self.one, foreach="tree")

    @step
    def one(self):
        self.branches = self.input
        self.next(self.two, foreach="branches")

    @step
    def two(self):
        self.numbers = self.input
        self.next(self.three)

    @step
    def three(self):
        self.next(self.leaf, foreach="numbers")

    @step
    def leaf(self):
        self.value = self.input
        self.next(self.join_three)

    @step
    def join_three(self, inputs):
        self.values = [one.value for one in inputs]
        self.next(self.join_two)

    @step
    def join_two(self, inputs):
        self.values = [one.values for one in inputs]
        self.next(self.join_one)

    @step
    def join_one(self, inputs):
        self.values = [one.values for one in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    NestedThreeFlow()
