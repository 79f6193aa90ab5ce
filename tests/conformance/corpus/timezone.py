"""Scheduled: `timezone`."""

from metaflow import FlowSpec, schedule, step

CASE = {"shows": ["`timezone`"]}


@schedule(cron="30 6 * * *", timezone="Europe/Helsinki")
class TimezoneFlow(FlowSpec):
    @step
    def start(self):
        self.done = True


if __name__ == "__main__":
    TimezoneFlow()
