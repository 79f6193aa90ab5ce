from metaflow import FlowSpec, Parameter, step


class ReservedFlow(FlowSpec):
    words = Parameter("tags", default="a")

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
