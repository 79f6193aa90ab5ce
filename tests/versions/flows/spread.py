from metaflow import FlowSpec, current, parallel, step


class SpreadFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.train, num_parallel=3)

    @parallel
    @step
    def train(self):
        self.node = [current.parallel.node_index, current.parallel.num_nodes, current.retry_count]
        self.next(self.join)

    @step
    def join(self, inputs):
        self.nodes = [each.node for each in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass
