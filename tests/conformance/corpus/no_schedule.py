"""The manifest takes the schedule of the code away."""

from metaflow import FlowSpec, schedule, step

CASE = {"shows": ["a schedule of the manifest instead of the code's"], "entry": {"schedule": "none"}}


@schedule(hourly=True)
class NoScheduleFlow(FlowSpec):
    @step
    def start(self):
        self.done = True


if __name__ == "__main__":
    NoScheduleFlow()
