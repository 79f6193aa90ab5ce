"""A package that holds only what the flow imports, and what the manifest adds; a task misses a module of the rest."""

import importlib
from pathlib import Path

from metaflow import FlowSpec, catch, step

CASE = {
    "shows": ["a package of what the flow imports"],
    "entry": {"package": {"only": "imports", "include": ["queries"]}},
    "files": {
        "lib/__init__.py": "",
        "lib/numbers.py": "from .sums import add\n\n\ndef double(number):\n    return add(number, number)\n",
        "lib/sums.py": "def add(one, other):\n    return one + other\n",
        "lib/unused.py": "",
        "queries/daily.sql": "select 1",
        "other.sql": "select 2",
        "other.py": "",
    },
    "artifacts": {
        "start": {"value": 42, "query": "select 1", "packaged": ["__init__.py", "numbers.py", "sums.py"]},
        "end": {"missing": "No module named 'lib.unused'"},
    },
}


class OnlyImportsFlow(FlowSpec):
    @step
    def start(self):
        from lib.numbers import double

        self.value = double(21)
        folder = Path(__file__).parent
        self.query = (folder / "queries" / "daily.sql").read_text()
        self.packaged = sorted(file.name for file in (folder / "lib").glob("*.py"))
        self.next(self.miss)

    @catch(var="failure")
    @step
    def miss(self):
        importlib.import_module("lib." + "unused")
        self.next(self.end)

    @step
    def end(self):
        self.missing = str(self.failure.exception)


if __name__ == "__main__":
    OnlyImportsFlow()
