"""Decorators that the manifest adds to every step."""

from metaflow import FlowSpec, current, step

CASE = {
    "shows": ["decorators for all steps, from the manifest"],
    "entry": {"with": ["retry:times=1,minutes_between_retries=0"]},
    "attempts": {"start": 1},
}


class ManifestDecoratorsFlow(FlowSpec):
    @step
    def start(self):
        if current.retry_count == 0:
            raise ValueError("not yet")
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ManifestDecoratorsFlow()
