from metaflow import FlowSpec, step

LIMIT = 1 / 0


class BadFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
