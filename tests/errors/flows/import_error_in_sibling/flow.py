from metaflow import FlowSpec, step
from sibling import LIMIT


class BadFlow(FlowSpec):
    @step
    def start(self):
        self.limit = LIMIT
        self.next(self.end)

    @step
    def end(self):
        pass
