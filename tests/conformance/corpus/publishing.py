"""Steps that publish events, in a foreach too, without an address or credentials."""

from metaflow import FlowSpec, step
from metaflow.integrations import ArgoEvent

CASE = {
    "shows": ["`ArgoEvent` in a step, published when the step has succeeded"],
    "tasks": {"start": 1, "fit": 2, "join": 1, "end": 1},
    "artifacts": {"start": {"published": True}, "join": {"published": [True, True]}},
}


class PublishingFlow(FlowSpec):
    @step
    def start(self):
        self.published = ArgoEvent("stock.counted").publish({"amount": 7}) is not None
        self.items = [1, 2]
        self.next(self.fit, foreach="items")

    @step
    def fit(self):
        event = ArgoEvent("stock.fitted").add_to_payload("item", self.input)
        self.published = event.safe_publish() is not None
        self.next(self.join)

    @step
    def join(self, inputs):
        self.published = [each.published for each in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    PublishingFlow()
