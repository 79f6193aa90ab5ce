from metaflow import FlowSpec, Parameter, step


class BadFlow(FlowSpec):
    first = Parameter("alpha", default=1)
    second = Parameter("Alpha", default=2)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
