"""What Metaflow's configuration and the process environment say, when the flow is compiled and when a step runs."""

import json
import os

from metaflow import FlowSpec, step
from metaflow.metaflow_config_funcs import config_values


def seen():
    variables = {name: value for name, value in os.environ.items() if name.startswith("METAFLOW_")}
    return {**variables, **dict(config_values(include=3))}


class SettingsSeenFlow(FlowSpec):
    __doc__ = json.dumps(seen())

    @step
    def start(self):
        self.seen = seen()
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SettingsSeenFlow()
