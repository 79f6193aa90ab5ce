"""Runs once two other flows have run."""

from metaflow import FlowSpec, current, step, trigger_on_finish


@trigger_on_finish(flows=["AfterFlow", "SideFlow"])
class BothFlow(FlowSpec):
    @step
    def start(self):
        self.names = sorted(run.path_components[0] for run in current.trigger.runs)


if __name__ == "__main__":
    BothFlow()
