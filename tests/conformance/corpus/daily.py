"""Scheduled: daily."""

from metaflow import FlowSpec, schedule, step

CASE = {"shows": ["daily"]}


@schedule(daily=True)
class DailyFlow(FlowSpec):
    @step
    def start(self):
        self.done = True


if __name__ == "__main__":
    DailyFlow()
