from metaflow import FlowSpec, batch, pypi, step


class BadFlow(FlowSpec):
    @batch(cpu=2)
    @step
    def start(self):
        self.next(self.end)

    @pypi(packages={"pandas": "2.2"})
    @step
    def end(self):
        pass
