"""A flow that takes a file with it."""

from metaflow import FlowSpec, IncludeFile, step


class IncludeFlow(FlowSpec):
    table = IncludeFile("table", default="table.csv")

    @step
    def start(self):
        print(self.table)
        self.next(self.end)

    @step
    def end(self):
        self.lines = len(self.table.splitlines())


if __name__ == "__main__":
    IncludeFlow()
