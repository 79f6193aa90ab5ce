"""A parallel step for each item of a foreach, each with its own number of nodes, and for some items none at all."""

from metaflow import FlowSpec, current, parallel, step

CASE = {
    "shows": ["`@parallel` inside a foreach and a switch, with a computed number of nodes"],
    "computes": ["local"],
    "like_metaflow": True,
    "tasks": {"train": 3, "skip": 1},
    "artifacts": {"collect": {"nodes": [[0], [], [0, 1]]}},
}


class ParallelInForeachFlow(FlowSpec):
    @step
    def start(self):
        self.items = [1, 0, 2]
        self.next(self.look, foreach="items")

    @step
    def look(self):
        self.way = "many" if self.input else "none"
        self.next({"many": self.spread, "none": self.skip}, condition="way")

    @step
    def spread(self):
        self.next(self.train, num_parallel=self.input)

    @parallel
    @step
    def train(self):
        self.node = current.parallel.node_index
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.nodes = [each.node for each in inputs]
        self.next(self.meet)

    @step
    def skip(self):
        self.nodes = []
        self.next(self.meet)

    @step
    def meet(self):
        self.next(self.collect)

    @step
    def collect(self, inputs):
        self.nodes = [each.nodes for each in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ParallelInForeachFlow()
