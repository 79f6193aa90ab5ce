"""A foreach over nothing, which Metaflow takes for a mistake: the step fails."""

from metaflow import FlowSpec, step

CASE = {
    "shows": ["empty foreach: the step fails, as by Metaflow itself"],
    "state": "failed",
    "tasks": {"start": 1, "work": 0, "join": 0, "end": 0},
    "states": {"start": ["failed"], "join": ["upstream_failed"], "end": ["upstream_failed"]},
}


class EmptyForeachFlow(FlowSpec):
    @step
    def start(self):
        self.items = []
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
    EmptyForeachFlow()
