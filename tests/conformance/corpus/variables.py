"""Variables of a step, whatever is in them."""

import os
import sys

from metaflow import FlowSpec, environment, step

CASE = {
    "shows": ["`@environment`"],
    "artifacts": {
        "start": {"plain": "$(HOME) $$ $(id) `id` 'it\"s' \\ {{ ds }}\nä漢", "has_modules": True},
        "end": {"plain": None, "has_modules": False},
    },
}


class VariablesFlow(FlowSpec):
    @environment(vars={"PLAIN": "$(HOME) $$ $(id) `id` 'it\"s' \\ {{ ds }}\nä漢", "PYTHONPATH": "/opt/it's own"})
    @step
    def start(self):
        self.plain = os.environ["PLAIN"]
        self.has_modules = "/opt/it's own" in sys.path
        self.next(self.end)

    @step
    def end(self):
        self.plain = os.environ.get("PLAIN")
        self.has_modules = "/opt/it's own" in sys.path


if __name__ == "__main__":
    VariablesFlow()
