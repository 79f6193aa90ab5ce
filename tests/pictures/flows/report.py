from metaflow import FlowSpec, step, trigger_on_finish


@trigger_on_finish(flow="ForecastFlow")
class ReportFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
