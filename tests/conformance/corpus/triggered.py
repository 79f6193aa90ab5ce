"""A run that an event started: values from its payload, and what started it in each step."""

from metaflow import FlowSpec, JSONType, Parameter, current, step, trigger

CASE = {
    "shows": ["`@trigger`: values from the payload, and `current.trigger` in each step"],
    "runs": [
        {
            "conf": {
                "metaflow_event": {
                    "name": "orders.arrived",
                    "id": "order-1",
                    "timestamp": 1767225600,
                    "payload": {"area": "it's $HOME {{ ds }}", "most": "7", "tables": {"a": [1, None]}, "more": 1},
                }
            }
        }
    ],
    "artifacts": {
        "start": {
            "region": "it's $HOME {{ ds }}",
            "limit": 7,
            "tables": {"a": [1, None]},
            "share": 0.5,
            "event": ["orders.arrived", "order-1", "event", 1767225600],
        },
        "end": {"again": "order-1", "runs": None},
    },
}


@trigger(event={"name": "orders.arrived", "parameters": {"region": "area", "limit": "most", "tables": "tables"}})
class TriggeredFlow(FlowSpec):
    region = Parameter("region", required=True)
    limit = Parameter("limit", default=1)
    tables = Parameter("tables", type=JSONType, default="{}")
    share = Parameter("share", default=0.5)

    @step
    def start(self):
        event = current.trigger.event
        self.event = [event.name, event.id, event.type, int(event.timestamp.timestamp())]
        self.next(self.end)

    @step
    def end(self):
        self.again = current.trigger["orders.arrived"].id
        self.runs = current.trigger.runs


if __name__ == "__main__":
    TriggeredFlow()
