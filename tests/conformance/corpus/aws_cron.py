"""Scheduled: a cron of AWS, six fields."""

from metaflow import FlowSpec, schedule, step

CASE = {"shows": ["a cron of AWS, six fields"]}


@schedule(cron="0 10 ? * 2-6 *")
class AwsCronFlow(FlowSpec):
    @step
    def start(self):
        self.done = True


if __name__ == "__main__":
    AwsCronFlow()
