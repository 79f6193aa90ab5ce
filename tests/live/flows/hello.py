"""The smallest flow."""

from metaflow import FlowSpec, step


class HelloFlow(FlowSpec):
    """Says nothing."""

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    HelloFlow()
