"""Limits of the DAG and of its foreach."""

from metaflow import FlowSpec, step

CASE = {
    "shows": ["`max_workers` for each foreach of each run", "a workflow timeout", "a pool"],
    "entry": {"max_workers": 40, "workflow_timeout": 7200, "worker_pool": "default_pool", "max_active_runs": 2},
    "tasks": {"work": 2},
}


class LimitsFlow(FlowSpec):
    @step
    def start(self):
        self.items = [1, 2]
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    LimitsFlow()
