"""Steps that run as several tasks at a time: a number in the code, and a parameter; one worker fails once."""

import os

from metaflow import FlowSpec, Parameter, current, parallel, retry, step

CASE = {
    "shows": ["`@parallel`: the step's process and its workers, with retries, and a join of all"],
    "computes": ["local"],
    "like_metaflow": True,
    "tasks": {"train": 3, "score": 2},
    "artifacts": {
        "gather": {
            "nodes": [[0, 3, True], [1, 3, True], [2, 3, True]],
            "attempts": [1, 1, 1],
            "controls": [True, False, False],
        },
        "collect": {"nodes": [0, 1]},
    },
    "logs": {"train": ["node 0 of 3, attempt 1", "node 1 of 3, attempt 1", "node 2 of 3, attempt 1"]},
}


class ParallelFlow(FlowSpec):
    size = Parameter("size", default=2)

    @step
    def start(self):
        self.next(self.train, num_parallel=3)

    @retry(times=1, minutes_between_retries=0)
    @parallel
    @step
    def train(self):
        node = current.parallel
        print(f"node {node.node_index} of {node.num_nodes}, attempt {current.retry_count}")
        if node.node_index == 1 and current.retry_count == 0:
            raise ValueError("not yet")
        self.node = [node.node_index, node.num_nodes, current.is_parallel and "MFDEPLOY_PARALLEL" not in os.environ]
        self.attempt, self.control = current.retry_count, node.control_task_id == current.task_id
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.nodes = [each.node for each in inputs]
        self.attempts = [each.attempt for each in inputs]
        self.controls = [each.control for each in inputs]
        self.next(self.spread)

    @step
    def spread(self):
        self.next(self.score, num_parallel=self.size)

    @parallel
    @step
    def score(self):
        self.node = current.parallel.node_index
        self.next(self.collect)

    @step
    def collect(self, inputs):
        self.nodes = [each.node for each in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ParallelFlow()
