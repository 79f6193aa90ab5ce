"""Runs after another flow, and has one that runs after it."""

from metaflow import FlowSpec, current, step, trigger_on_finish


@trigger_on_finish(flow="UpFlow")
class AfterFlow(FlowSpec):
    @step
    def start(self):
        self.rows = current.trigger.run.data.rows
        self.found = "UpFlow" in current.trigger
        self.next(self.last)

    @step(end=True)
    def last(self):
        self.again = [run.pathspec for run in current.trigger.runs]
        self.events = [(event.name, event.type) for event in current.trigger.events]


if __name__ == "__main__":
    AfterFlow()
