"""Publishes events: one that is well, one that cannot be, and one for another address."""

from metaflow import FlowSpec, current, step
from metaflow.integrations import ArgoEvent


class PublishingFlow(FlowSpec):
    @step
    def start(self):
        event = ArgoEvent("stock.arrived", payload={"place": "north"})
        self.first = event.add_to_payload("amount", 3).publish({"day": 1})
        self.second = ArgoEvent("stock.arrived").safe_publish({"id": "mine"})
        self.bad = ArgoEvent("stock.arrived").publish({"object": object()})
        self.trigger = [(event.name, event.type) for event in current.trigger.events] if "trigger" in current else []
        self.next(self.end)

    @step
    def end(self):
        ArgoEvent("elsewhere", url="http://127.0.0.1:9/none").safe_publish()
        try:
            ArgoEvent("stock.arrived").publish({"large": "x" * 5000}, ignore_errors=False)
        except Exception as error:
            self.error = str(error)


if __name__ == "__main__":
    PublishingFlow()
