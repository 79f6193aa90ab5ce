from metaflow import FlowSpec, IncludeFile, step


class BadFlow(FlowSpec):
    table = IncludeFile("table", default="missing.csv")

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
