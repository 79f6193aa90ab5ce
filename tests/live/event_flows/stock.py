"""Takes its parameters from an event that a step of another flow publishes."""

from metaflow import FlowSpec, Parameter, current, step, trigger


@trigger(event="stock.arrived")
class StockFlow(FlowSpec):
    amount = Parameter("amount", type=int, required=True)
    place = Parameter("place", default="")

    @step
    def start(self):
        self.event = current.trigger.event.name


if __name__ == "__main__":
    StockFlow()
