from metaflow import FlowSpec, step, trigger_on_finish


@trigger_on_finish(
    flows=["OtherFlow", {"name": "FarFlow", "project": "far"}, "OtherFlow"],
    options={"reset_at": {"cron": "0 0 * * *"}},
)
class BadFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
