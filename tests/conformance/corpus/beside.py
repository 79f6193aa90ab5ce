"""A package beside the flow."""

from lib.numbers import double
from metaflow import FlowSpec, step

CASE = {
    "shows": ["a package beside the flow"],
    "files": {"lib/__init__.py": "", "lib/numbers.py": "def double(number):\n    return 2 * number\n"},
    "artifacts": {"start": {"value": 42}},
}


class BesideFlow(FlowSpec):
    @step
    def start(self):
        self.value = double(21)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    BesideFlow()
