"""A file that travels as the value of a parameter."""

from metaflow import FlowSpec, IncludeFile, step

CASE = {
    "shows": ["IncludeFile"],
    "files": {"table.csv": "a,b\n1,ä $HOME {{ ds }}\n"},
    "artifacts": {"start": {"lines": ["a,b", "1,ä $HOME {{ ds }}"]}},
}


class IncludeFileFlow(FlowSpec):
    table = IncludeFile("table", default="table.csv")

    @step
    def start(self):
        self.lines = self.table.splitlines()
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    IncludeFileFlow()
