"""One step alone."""

from metaflow import FlowSpec, step

CASE = {
    "shows": ["single-step flow"],
    "like_metaflow": True,
}


class SingleFlow(FlowSpec):
    @step
    def start(self):
        self.done = True


if __name__ == "__main__":
    SingleFlow()
