from metaflow import FlowSpec, Parameter, step, trigger


@trigger(
    events=[
        {"name": "orders arrived", "parameters": {}},
        {"name": "orders", "parameters": {"regin": "area", "limit": "most wanted"}},
        {"name": "prices", "parameters": {"region": "area"}},
        {"name": "stock", "parameters": {"region": "place"}},
    ]
)
class BadFlow(FlowSpec):
    region = Parameter("region", default="north")
    limit = Parameter("limit", default=1)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
