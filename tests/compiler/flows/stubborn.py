"""A flow whose middle step fails as long as the environment says so, however often it is tried."""

import os

from metaflow import FlowSpec, catch, current, step


class StubbornFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.work)

    @step
    def work(self):
        print("try", os.environ["TRY"])
        self.tried = int(os.environ["TRY"])
        self.attempt = current.retry_count
        if os.environ.get("FAIL"):
            raise ValueError("not yet")
        self.next(self.caught)

    @catch(var="failure")
    @step
    def caught(self):
        raise KeyError("always")
        self.next(self.end)

    @step
    def end(self):
        self.seen = self.tried


if __name__ == "__main__":
    StubbornFlow()
