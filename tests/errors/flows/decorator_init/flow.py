from metaflow import FlowSpec, retry, step


class BadFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @retry(times=9)
    @step
    def end(self):
        pass
