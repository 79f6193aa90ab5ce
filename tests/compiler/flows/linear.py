"""A linear flow with a parameter of every type."""

from metaflow import FlowSpec, JSONType, Parameter, step


class LinearFlow(FlowSpec):
    """Adds things up.

    In two steps.
    """

    alpha = Parameter("alpha", default=0.01, help="Learning rate")
    rounds = Parameter("rounds", default=3)
    title = Parameter("title", default="plain")
    fast = Parameter("fast", default=False)
    options = Parameter("options", type=JSONType, default='{"depth": 2}')
    columns = Parameter("columns", default="a,b", separator=",")
    needed = Parameter("needed", type=int, required=True)
    maybe = Parameter("maybe", type=str, default=None)

    @step
    def start(self):
        """First."""
        print("title is", self.title)
        self.next(self.end)

    @step
    def end(self):
        self.total = self.alpha + self.rounds
        print("done")


if __name__ == "__main__":
    LinearFlow()
