from metaflow import FlowSpec, step


class BadFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.work)

    @step
    def work(self):
        self.state = "again"
        self.next({"again": self.work, "done": self.end}, condition="state")

    @step
    def end(self):
        pass
