from metaflow import FlowSpec, step, trigger, trigger_on_finish


@trigger(event="orders")
@trigger_on_finish(flow="OtherFlow")
class BadFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
