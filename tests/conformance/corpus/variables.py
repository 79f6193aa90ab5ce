"""Variables of a step, whatever is in them."""

import os

from metaflow import FlowSpec, environment, step

CASE = {
    "shows": ["`@environment`"],
    "artifacts": {"start": {"plain": "$(HOME) $$ $(id) `id` 'it\"s' \\ {{ ds }}\nä漢"}, "end": {"plain": None}},
}


class VariablesFlow(FlowSpec):
    @environment(vars={"PLAIN": "$(HOME) $$ $(id) `id` 'it\"s' \\ {{ ds }}\nä漢"})
    @step
    def start(self):
        self.plain = os.environ["PLAIN"]
        self.next(self.end)

    @step
    def end(self):
        self.plain = os.environ.get("PLAIN")


if __name__ == "__main__":
    VariablesFlow()
