"""A foreach: one of its items works at the second attempt, the other does not."""

from metaflow import FlowSpec, catch, current, retry, step


class FannedFlow(FlowSpec):
    @step
    def start(self):
        self.items = ["late", "never"]
        self.next(self.work, foreach="items")

    @catch(var="failure", print_exception=False)
    @retry(times=1, minutes_between_retries=0)
    @step
    def work(self):
        if self.input == "never" or current.retry_count == 0:
            raise ValueError(self.input)
        self.attempt = current.retry_count
        self.next(self.join)

    @step
    def join(self, inputs):
        self.attempts = [getattr(each, "attempt", None) for each in inputs]
        self.failures = [bool(each.failure) for each in inputs]
        self.next(self.end)

    @step
    def end(self):
        print("done")


if __name__ == "__main__":
    FannedFlow()
