"""Waits for two events."""

from metaflow import FlowSpec, Parameter, current, step, trigger


@trigger(events=[{"name": "prices", "parameters": {"share": "part"}}, "rates"])
class PricesFlow(FlowSpec):
    share = Parameter("share", default=0.0)

    @step
    def start(self):
        self.names = sorted(event.name for event in current.trigger.events)


if __name__ == "__main__":
    PricesFlow()
