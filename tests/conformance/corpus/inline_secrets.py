"""Secrets that Metaflow fetches when the step starts."""

import os

from metaflow import FlowSpec, secrets, step

CASE = {
    "shows": ["`@secrets`"],
    "artifacts": {"start": {"length": 11}},
}


class InlineSecretsFlow(FlowSpec):
    @secrets(sources=[{"type": "inline", "id": "test", "options": {"env_vars": {"PASSWORD": "open sesame"}}}])
    @step
    def start(self):
        self.length = len(os.environ["PASSWORD"])
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    InlineSecretsFlow()
