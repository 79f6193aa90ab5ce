from metaflow import FlowSpec, step


class BadFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.middel)

    @step
    def middle(self):
        self.next(self.end)

    @step
    def end(self):
        pass
