"""Two levels of foreach, each outer item with its own number of inner ones; a retry inside."""

from metaflow import FlowSpec, current, retry, step

CASE = {
    "shows": ["nested foreach, two levels, ragged"],
    "like_metaflow": True,
    "artifacts": {"outer_join": {"items": [["<0.0>"], ["<1.0>", "<1.1>"]], "attempts": [[0], [0, 1]]}},
}


class NestedTwoFlow(FlowSpec):
    @step
    def start(self):
        self.outer = [1, 2]
        self.next(self.spread, foreach="outer")

    @step
    def spread(self):
        self.inner = [f"{self.index}.{number}" for number in range(self.input)]
        self.next(self.work, foreach="inner")

    @retry(times=2, minutes_between_retries=0)
    @step
    def work(self):
        self.item, self.place = self.input, self.index
        self.attempt = current.retry_count
        if self.item == "1.1" and self.attempt < 1:
            raise ValueError("not yet")
        self.next(self.polish)

    @step
    def polish(self):
        self.item = f"<{self.item}>"
        self.next(self.inner_join)

    @step
    def inner_join(self, inputs):
        self.items = [one.item for one in inputs]
        self.attempts = [one.attempt for one in inputs]
        self.next(self.after)

    @step
    def after(self):
        self.mine = self.index
        self.next(self.outer_join)

    @step
    def outer_join(self, inputs):
        self.items = [one.items for one in inputs]
        self.attempts = [one.attempts for one in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    NestedTwoFlow()
