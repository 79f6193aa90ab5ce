"""What a run and its tasks are called."""

from metaflow import FlowSpec, current, step

CASE = {
    "shows": ["run id, task id and pathspec", "tags"],
    "entry": {"tags": ["team:growth", "with space ä"]},
    "tags": ["team:growth", "with space ä", "mfdeploy", "env:column", "runtime:airflow"],
    "runs": [{}, {"minute": 1}],
}


class IdentityFlow(FlowSpec):
    @step
    def start(self):
        self.named = current.pathspec
        self.items = [1, 2]
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.named = current.pathspec
        self.next(self.join)

    @step
    def join(self, inputs):
        self.named = current.pathspec
        self.next(self.end)

    @step
    def end(self):
        self.named = current.pathspec


if __name__ == "__main__":
    IdentityFlow()
