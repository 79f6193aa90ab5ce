from metaflow import Config, FlowSpec, step


class BadFlow(FlowSpec):
    settings = Config("settings", required=True)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
