import sys

from metaflow import FlowSpec, step

sys.exit("no data today")


class BadFlow(FlowSpec):
    @step
    def start(self):
        pass
