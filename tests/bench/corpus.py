"""Flows for benchmarks: as many as asked for, all distinct, five to a folder, with modules that they share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

PER_FOLDER = 5

_SHARED = '''"""Shared by the flows of this folder."""

FOLDER = {folder}


def score(value: float) -> float:
    return value * {folder} + 1.0
'''

_FLOW = '''from metaflow import FlowSpec, Parameter, current, resources, retry, step

import shared


class Flow{number:05}(FlowSpec):
    """Flow {number} of the benchmark."""

    alpha = Parameter("alpha", help="a factor", default=0.{number:05}, type=float)
    items = Parameter("items", help="how many", default={count}, type=int)

    @step
    def start(self):
        self.todo = list(range(self.items))
        self.next(self.load, self.check)

    @retry(times=2)
    @step
    def load(self):
        self.rows = [shared.score(each) for each in self.todo]
        self.next(self.join)

    @step
    def check(self):
        self.name = "{number}"
        self.next(self.join)

    @step
    def join(self, inputs):
        self.todo = inputs.load.todo
        self.next(self.spread)

    @step
    def spread(self):
        self.next(self.fit, foreach="todo")

    @resources(cpu=2, memory=8000)
    @step
    def fit(self):
        self.fitted = shared.score(self.input * self.alpha)
        self.next(self.collect)

    @step
    def collect(self, inputs):
        self.best = max((each.fitted for each in inputs), default=0)
        self.next(self.end)

    @step
    def end(self):
        print(current.run_id, self.best)


if __name__ == "__main__":
    Flow{number:05}()
'''

_MANIFEST = """version: 1
project: bench
environments:
  prod:
    production: true
    target: {target}
    compute: kubernetes
    datastore: {datastore}
    kubernetes: {{namespace: ml, image: "python:3.11"}}
"""


def write(folder: Path, count: int, target: str, datastore: str, variables: Mapping[str, str] | None = None) -> Path:
    """Write `count` flows and their manifests below `folder`; returns the folder of the manifests."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = "".join(f"      {name}: {value!r}\n" for name, value in (variables or {}).items())
    head = _MANIFEST.format(target=target, datastore=datastore)
    (folder / "project.yaml").write_text(head + (f"    metaflow:\n{settings}" if settings else ""))
    for first in range(0, count, PER_FOLDER):
        _write_team(folder, first // PER_FOLDER, range(first, min(first + PER_FOLDER, count)))
    return folder


def flow_files(folder: Path) -> list[Path]:
    """The flow files that `write` made, in order."""
    return sorted(folder.glob("team*/flow*.py"))


def _write_team(folder: Path, team: int, numbers: range) -> None:
    place = folder / f"team{team:04}"
    place.mkdir(exist_ok=True)
    (place / "shared.py").write_text(_SHARED.format(folder=team))
    for number in numbers:
        (place / f"flow{number:05}.py").write_text(_FLOW.format(number=number, count=number % 7 + 2))
    entries = "".join(
        f"  Flow{number:05}:\n    file: flow{number:05}.py\n    tags: [team:{team}]\n    parameters: {{items: 3}}\n"
        for number in numbers
    )
    (place / "flows.yaml").write_text(f"version: 1\nflows:\n{entries}")
