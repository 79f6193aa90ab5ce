from metaflow import FlowSpec, JSONType, Parameter, namespaced_event_name, project, step, trigger


@project(name="growth")
@trigger(
    events=[
        {"name": "orders.arrived", "parameters": {"region": "area", "limit": "most"}},
        {"name": namespaced_event_name("prices"), "parameters": ["table", ("share", "part")]},
        "calendar-day",
    ]
)
class MappedFlow(FlowSpec):
    region = Parameter("region", required=True)
    limit = Parameter("limit", default=10)
    table = Parameter("table", type=JSONType, default="{}")
    share = Parameter("share", default=0.5)
    untouched = Parameter("untouched", default="x")

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    MappedFlow()
