from metaflow import FlowSpec, JSONType, Parameter, step


class BadFlow(FlowSpec):
    options = Parameter("options", type=JSONType, default="{depth: 1}")

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
