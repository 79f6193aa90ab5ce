from metaflow import FlowSpec, Parameter, step


class BadFlow(FlowSpec):
    options = Parameter("options", default={"depth": 1})

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
