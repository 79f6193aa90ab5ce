from metaflow import FlowSpec, batch, step


class RefusedFlow(FlowSpec):
    @batch
    @step
    def start(self):
        self.next(self.work, num_parallel=3)

    @step
    def work(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @batch
    @step
    def end(self):
        pass
