"""Flows for benchmarks: as many as asked for, all distinct, five to a folder, with modules that they share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml

PER_FOLDER = 5
BUCKET = "bench-of-mfdeploy"
Compute = Literal["local", "kubernetes"]

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

_SERVICE = {"METAFLOW_SERVICE_URL": "http://metaflow.invalid"}  # nobody calls it
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
    settings = "".join(f"      {name}: {value!r}\n" for name, value in {**_SERVICE, **(variables or {})}.items())
    head = _MANIFEST.format(target=target, datastore=datastore)
    (folder / "project.yaml").write_text(f"{head}    metaflow:\n{settings}")
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


def write_wide(folder: Path, steps: int, compute: Compute) -> Path:
    """A manifest of one flow that is a chain of `steps` steps; its DAG goes to `dags` below it."""
    folder.mkdir(parents=True)
    names = ["start", *(f"step_{number}" for number in range(1, steps - 1)), "end"]
    body = "".join(
        f"\n    @step\n    def {name}(self):\n        {f'self.next(self.{after})' if after else 'pass'}\n"
        for name, after in zip(names, [*names[1:], ""], strict=True)
    )
    main = '\n\nif __name__ == "__main__":\n    WideFlow()\n'
    (folder / "flow.py").write_text(f"from metaflow import FlowSpec, step\n\n\nclass WideFlow(FlowSpec):{body}{main}")
    environment: dict[str, Any] = {"target": "dags", "compute": compute, "datastore": "metaflow"}
    if compute == "kubernetes":
        environment |= {
            "datastore": f"s3://{BUCKET}/wide",
            "kubernetes": {"namespace": "ml", "image": "python:3.11"},
            "metaflow": _SERVICE,
        }
    manifest = {"version": 1, "project": "bench", "environments": {"prod": environment}}
    (folder / "m.yaml").write_text(yaml.safe_dump({**manifest, "flows": {"Wide": {"file": "flow.py"}}}))
    return folder


_OPERATORS = {
    "local": ("providers.standard.operators.bash", "operators.bash", "BashOperator"),
    "kubernetes": ("providers.cncf.kubernetes.operators.pod", "", "KubernetesPodOperator"),
}
_ARGUMENTS = {
    "local": 'bash_command="true", env={"A": "a", "B": "b"}, append_env=True',
    "kubernetes": 'name="step", namespace="ml", image="python:3.11", cmds=["bash", "-c"], arguments=["true"], '
    'env_vars={"A": "a", "B": "b"}',
}


def by_hand(tasks: int, compute: Compute) -> str:
    """The least that a user could write for as many tasks with the same operator: no Params, no ids, no record."""
    place, older, operator = _OPERATORS[compute]
    return f"""from datetime import datetime, timedelta
from airflow import DAG
try:
    from airflow.{place} import {operator}
except ImportError:
    from airflow.{older or place} import {operator}

with DAG("hand", schedule=None, start_date=datetime(2026, 1, 1), catchup=False):
    before = None
    for number in range({tasks}):
        task = {operator}(
            task_id=f"step_{{number}}",
            {_ARGUMENTS[compute]},
            retries=0,
            retry_delay=timedelta(minutes=2),
            execution_timeout=timedelta(hours=1),
        )
        if before:
            before >> task
        before = task
"""


_MAPPED = """from metaflow import FlowSpec, step


class MappedFlow(FlowSpec):
    @step
    def start(self):
        self.numbers = range({items})
        self.next(self.each, foreach="numbers")

    @step
    def each(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    MappedFlow()
"""


def write_mapped(folder: Path, items: int) -> Path:
    """A manifest of one flow with a foreach of `items` items; its DAG goes to `dags` below it."""
    folder.mkdir(parents=True)
    (folder / "flow.py").write_text(_MAPPED.format(items=items))
    environment = "{target: dags, compute: local, datastore: metaflow}"
    flow = "{file: flow.py, max_workers: 1000}"
    (folder / "m.yaml").write_text(
        f"version: 1\nproject: bench\nenvironments:\n  local: {environment}\nflows:\n  Mapped: {flow}\n"
    )
    return folder


def mapped_by_hand(script: str, variables: Mapping[str, str], items: int) -> str:
    """A mapped task that runs a script for each number, with these variables."""
    return f"""from datetime import datetime
from airflow import DAG
try:
    from airflow.providers.standard.operators.bash import BashOperator
except ImportError:
    from airflow.operators.bash import BashOperator

SCRIPT = {script!r}
VARIABLES = {dict(variables)!r}

with DAG("hand", schedule=None, start_date=datetime(2026, 1, 1), catchup=False, max_active_tasks=1000):
    BashOperator.partial(task_id="each", bash_command=SCRIPT, append_env=True).expand(
        env=[
            {{**VARIABLES, "METAFLOW_TASK_ID": f"item-{{number}}", "METAFLOW_SPLIT_INDEX": str(number)}}
            for number in range({items})
        ]
    )
"""
