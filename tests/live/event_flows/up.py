"""Publishes an event in its first step, and its end."""

from metaflow import FlowSpec, Parameter, step
from metaflow.integrations import ArgoEvent


class UpFlow(FlowSpec):
    rows = Parameter("rows", default=3)

    @step
    def start(self):
        ArgoEvent("stock.arrived").add_to_payload("amount", self.rows).publish({"place": "north"})
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    UpFlow()
