from metaflow import FlowSpec, Parameter, step, trigger


@trigger(event={"name": "stock.low", "parameters": {"item": "item"}})
class OrderFlow(FlowSpec):
    item = Parameter("item", default="none")

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
