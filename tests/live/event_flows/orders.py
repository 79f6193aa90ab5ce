"""A run for each order. It also has a schedule, whose runs have no trigger."""

from metaflow import FlowSpec, Parameter, current, step, trigger


@trigger(event={"name": "orders.arrived", "parameters": {"region": "area", "amount": "amount"}})
class OrdersFlow(FlowSpec):
    region = Parameter("region", default="none")
    amount = Parameter("amount", default=0)

    @step
    def start(self):
        trigger = current.get("trigger")
        self.event = (trigger.event.name, trigger.event.id, trigger.event.type) if trigger else None


if __name__ == "__main__":
    OrdersFlow()
