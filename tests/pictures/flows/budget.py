from metaflow import FlowSpec, step, trigger_on_finish


@trigger_on_finish(flows=["ReportFlow", "OrderFlow"])
class BudgetFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
