"""A split into two branches and their join."""

from metaflow import FlowSpec, Parameter, step

POINTS = [(0, 1.0), (1, 3.0), (2, 5.0), (3, 7.5)]


class CompareModelsFlow(FlowSpec):
    """Fits two models side by side and keeps the better one."""

    slope = Parameter("slope", help="What the linear model is tried with", type=float, default=2.0)

    @step
    def start(self):
        """Give both branches the same points."""
        self.points = POINTS
        self.next(self.constant, self.linear)

    @step
    def constant(self):
        """The mean of all values, whatever the place."""
        mean = sum(y for _, y in self.points) / len(self.points)
        self.model, self.error = "constant", sum((y - mean) ** 2 for _, y in self.points)
        self.next(self.choose)

    @step
    def linear(self):
        """A line through the first point."""
        _, first = self.points[0]
        self.model, self.error = "linear", sum((y - first - self.slope * x) ** 2 for x, y in self.points)
        self.next(self.choose)

    @step
    def choose(self, inputs):
        """The smaller error wins; what both branches share is kept."""
        self.merge_artifacts(inputs, include=["points"])
        self.best = min(inputs, key=lambda branch: branch.error).model
        self.next(self.end)

    @step
    def end(self):
        """Show the winner."""
        print(f"the {self.best} model fits {len(self.points)} points best")


if __name__ == "__main__":
    CompareModelsFlow()
