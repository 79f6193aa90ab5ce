"""Scheduled: weekly."""

from metaflow import FlowSpec, schedule, step

CASE = {"shows": ["weekly"]}


@schedule(weekly=True)
class WeeklyFlow(FlowSpec):
    @step
    def start(self):
        self.done = True


if __name__ == "__main__":
    WeeklyFlow()
