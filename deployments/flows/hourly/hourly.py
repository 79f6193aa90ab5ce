"""A flow that carries its own schedule."""

from datetime import datetime

from metaflow import FlowSpec, schedule, step


@schedule(hourly=True)
class HourlyFlow(FlowSpec):
    """Notes the time, every hour on the hour.

    The schedule is the flow's own; an environment with `schedules: false` deploys it without one.
    """

    @step
    def start(self):
        """Keep the time as an artifact, so that later steps and the Client see it."""
        self.now = datetime.now().strftime("%Y-%m-%d %H:%M:%S")
        print(f"time is {self.now}")
        self.next(self.end)

    @step
    def end(self):
        """Nothing is left to do."""


if __name__ == "__main__":
    HourlyFlow()
