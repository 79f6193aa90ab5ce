"""A task that fails, is cleared in Airflow, and works then."""

from metaflow import FlowSpec, current, step

CASE = {
    "shows": ["clearing a failed task continues the run"],
    "runs": [{"clears": 1}],
    "attempts": {"work": 1},
    "tasks": {"start": 1, "work": 1, "end": 1},
    "artifacts": {"end": {"from_start": "kept", "attempt": 1}},
}


class ClearedFlow(FlowSpec):
    @step
    def start(self):
        self.from_start = "kept"
        self.next(self.work)

    @step
    def work(self):
        self.attempt = current.retry_count
        if self.attempt == 0:
            raise ValueError("not yet")
        self.next(self.end)

    @step
    def end(self):
        print(self.from_start, self.attempt)


if __name__ == "__main__":
    ClearedFlow()
