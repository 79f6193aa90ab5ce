from metaflow import FlowSpec, retry, step


class BadFlow(FlowSpec):
    @retry(tries=9)
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
