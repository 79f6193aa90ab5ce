from metaflow import FlowSpec, Parameter, project, step, trigger


def arrived(context):
    return "orders.arrived"


@project(name="growth")
@trigger(event=arrived)
class ByNameFlow(FlowSpec):
    region = Parameter("region", required=True)
    limit = Parameter("limit", default=10)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ByNameFlow()
