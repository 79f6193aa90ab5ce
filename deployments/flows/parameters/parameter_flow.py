"""The smallest flow with a parameter."""

from metaflow import FlowSpec, Parameter, step


class ParameterFlow(FlowSpec):
    """Prints the learning rate that the run was started with.

    The trigger form of Airflow offers `alpha`; its default is the manifest's, or else the one below.
    """

    alpha = Parameter("alpha", help="Learning rate", default=0.01)

    @step
    def start(self):
        """Show the value as it arrives."""
        print(f"alpha is {self.alpha:f}")
        self.next(self.end)

    @step
    def end(self):
        """Show that every later step sees the same value."""
        print(f"alpha is still {self.alpha:f}")


if __name__ == "__main__":
    ParameterFlow()
