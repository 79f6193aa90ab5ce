from pathlib import Path

from metaflow import FlowSpec, IncludeFile, step


class IncludeFlow(FlowSpec):
    words = IncludeFile("words", default=Path("words.txt"))

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
