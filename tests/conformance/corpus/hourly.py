"""Scheduled: hourly."""

from metaflow import FlowSpec, schedule, step

CASE = {"shows": ["hourly", "no run of the past when a DAG first appears"]}


@schedule(hourly=True)
class HourlyFlow(FlowSpec):
    @step
    def start(self):
        self.done = True


if __name__ == "__main__":
    HourlyFlow()
