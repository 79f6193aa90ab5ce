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


def write_wide(folder: Path, steps: int, target: str) -> Path:
    """A manifest of one flow that is a chain of `steps` steps, each a pod."""
    folder.mkdir(parents=True)
    names = ["start", *(f"step_{number}" for number in range(1, steps - 1)), "end"]
    body = "".join(
        f"\n    @step\n    def {name}(self):\n        {f'self.next(self.{after})' if after else 'pass'}\n"
        for name, after in zip(names, [*names[1:], ""], strict=True)
    )
    (folder / "flow.py").write_text(f"from metaflow import FlowSpec, step\n\n\nclass WideFlow(FlowSpec):{body}")
    head = _MANIFEST.format(target=target, datastore=f"{target}/../metaflow")
    head = head.replace("compute: kubernetes", "compute: local").replace(
        '    kubernetes: {namespace: ml, image: "python:3.11"}\n', ""
    )
    (folder / "m.yaml").write_text(f"{head}flows:\n  Wide: {{file: flow.py}}\n")
    return folder


def by_hand(tasks: int) -> str:
    """The least that a user could write for as many tasks with the same operator: no Params, no ids, no record."""
    return f"""from datetime import datetime, timedelta
from airflow import DAG
try:
    from airflow.providers.standard.operators.bash import BashOperator
except ImportError:
    from airflow.operators.bash import BashOperator

with DAG("hand", schedule=None, start_date=datetime(2026, 1, 1), catchup=False):
    before = None
    for number in range({tasks}):
        task = BashOperator(
            task_id=f"step_{{number}}",
            bash_command="true",
            env={{"A": "a", "B": "b"}},
            append_env=True,
            retries=0,
            retry_delay=timedelta(minutes=2),
            execution_timeout=timedelta(hours=1),
        )
        if before:
            before >> task
        before = task
"""
