"""Start and end steps with names of their own, and steps named as things of the DAG file."""

from metaflow import FlowSpec, step

CASE = {
    "shows": ["start and end steps with names of their own"],
    "like_metaflow": True,
}


class OwnNamesFlow(FlowSpec):
    @step(start=True)
    def task(self):
        self.items = [1, 2]
        self.next(self.all_items, foreach="items")

    @step
    def all_items(self):
        self.value = self.input
        self.next(self.task_group)

    @step
    def task_group(self, inputs):
        self.values = [one.value for one in inputs]
        self.next(self.finish)

    @step(end=True)
    def finish(self):
        self.total = sum(self.values)


if __name__ == "__main__":
    OwnNamesFlow()
