"""Scheduled: a cron of five fields."""

from metaflow import FlowSpec, schedule, step

CASE = {"shows": ["a cron of five fields"]}


@schedule(cron="15 3 * * 1-5")
class UnixCronFlow(FlowSpec):
    @step
    def start(self):
        self.done = True


if __name__ == "__main__":
    UnixCronFlow()
