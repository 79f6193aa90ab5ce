"""Compiles flows with one version of Metaflow, runs their tasks by their own scripts, and reads what came out."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployer.errors import Severity
from deployer.models.deployment import Deployment, ResolvedPath
from deployer.models.flow import Flow
from tests.compiler.by_hand import RUN, Operator
from tests.compiler.compiling import deployment, local
from tests.compiling import build_packages, compile_flows
from tests.versions.metaflows import interpreter

FLOWS = Path(__file__).parent / "flows"
# Flow -> the first version that has what it uses.
SINCE = {
    "settled": (2, 15),
    "fanned": (2, 15),
    "ended": (2, 15),
    "spread": (2, 15),
    "mutated": (2, 15),
    "decorated": (2, 16),
    "switched": (2, 18),
}
# Flow -> its tasks in order: (step, task, attempt, tasks before it, index in the foreach, exit code).
TASKS: dict[str, list[tuple[str, str, int, tuple[str, ...], str, int]]] = {
    "settled": [("start", "start", 0, (), "", 0), ("end", "end", 0, ("start",), "", 0)],
    "ended": [
        *(("start", "start", attempt, (), "", code) for attempt, code in enumerate((1, 1, 1, 202, 0))),
        ("end", "end", 0, ("start",), "", 0),
    ],
    "mutated": [("start", "start", 0, (), "", 0), ("end", "end", 0, ("start",), "", 0)],
    "decorated": [("start", "start", 0, (), "", 0), ("end", "end", 0, ("start",), "", 0)],
    "switched": [
        ("start", "start", 0, (), "", 0),
        ("quick", "quick", 0, ("start",), "", 0),
        ("end", "end", 0, ("quick",), "", 0),
    ],
    "spread": [
        ("start", "start", 0, (), "", 0),
        ("train", "train", 6, ("start",), "", 0),
        ("join", "join", 0, ("train", "train:train_node_1", "train:train_node_2"), "", 0),
        ("end", "end", 0, ("join",), "", 0),
    ],
    "fanned": [
        ("start", "start", 0, (), "", 0),
        ("work", "work-0", 0, ("start",), "0", 1),
        ("work", "work-0", 1, ("start",), "0", 0),
        ("work", "work-1", 2, ("start",), "1", 0),
        ("join", "join", 0, ("work:work-0", "work:work-1"), "", 0),
        ("end", "end", 0, ("join",), "", 0),
    ],
}
PARAMETERS: dict[str, dict[str, Any]] = {
    "settled": {"alpha": 1.5, "options": {"depth": ["'"]}},
    "mutated": {"first": "given", "changed": "42", "options": {"b": [None]}},
    "switched": {"size": "small"},
}
# Flow -> what to read of its `run`.
READ = {
    "settled": "[run.data.found, run['end'].task.stdout, len(list(get_cards(run['start'].task)))]",
    "ended": "[run.data.found, run.data.arguments, run['start'].task.current_attempt]",
    "mutated": "[run.data.found]",
    "decorated": "[run['start'].task.data.counted]",
    "switched": "[run.data.way, run['start'].task.finished, sorted(each.id for each in run)]",
    "spread": "[run.data.nodes, [each.id for each in run['train'].control_tasks()]]",
    "fanned": "[run.data.attempts, run.data.failures, sorted(each.current_attempt for each in run['work'])]",
}
_READER = """
import json
from metaflow import Run, namespace
from metaflow.cards import get_cards
namespace(None)
found = {}
for flow, expression in %r.items():
    run = Run(f"{flow.capitalize()}Flow/%s")
    found[flow] = [run.successful, *eval(expression)]
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Outcome:
    """What one version of Metaflow made of the flows: described, and read from their runs after they ended."""

    flows: dict[str, Flow]
    results: dict[str, dict[str, Any]]
    data: dict[str, Any]


def flows_of(version: str) -> list[str]:
    """The flows that this version of Metaflow has everything for."""
    found = tuple(int(part) for part in version.split(".")[:2])
    return [name for name, since in SINCE.items() if since <= found]


def run_flows(version: str, folder: Path) -> Outcome:
    """Compile, package and run the flows of a version."""
    store = folder / "datastore"
    python = ResolvedPath("../python", interpreter(version))
    items = [_deployment(name, store, python) for name in flows_of(version)]
    compiled = compile_flows(items)
    assert not [found for found in compiled.diagnostics if found.severity is Severity.ERROR], compiled.diagnostics
    packages = build_packages(items, upload=True, user="ann")
    results = {}
    for item in items:
        operator = Operator(compiled.flows[item.address], packages[item.address], folder / item.name)
        _run(operator, item.name, python.resolved)
        results[item.name] = operator.results
    flows = {item.name: compiled.flows[item.address] for item in items}
    return Outcome(flows, results, _read(python.resolved, list(flows), folder, store))


def _deployment(name: str, store: Path, python: ResolvedPath) -> Deployment:
    return deployment(FLOWS / f"{name}.py", name, local(store)).model_copy(update={"python": python})


def _run(operator: Operator, name: str, python: str) -> None:
    for step, task, attempt, before, split, code in TASKS[name]:
        done = operator.task(
            step,
            operator.path(*before) if before else "",
            task=task,
            attempt=attempt,
            split=split,
            parameters={**operator.package.parameters, **PARAMETERS.get(name, {})},
            variables={"MFDEPLOY_PYTHON": python},
        )
        assert done.returncode == code, f"{name}, {task}: {done.stdout}{done.stderr}"


def _read(python: str, names: list[str], folder: Path, store: Path) -> dict[str, Any]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("METAFLOW_")}
    settings = {"METAFLOW_DATASTORE_SYSROOT_LOCAL": str(store), "METAFLOW_DEFAULT_METADATA": "local"}
    code = _READER % ({name: READ[name] for name in names}, RUN)
    done = subprocess.run(
        [python, "-c", code],
        cwd=folder,
        env={**kept, **settings, "METAFLOW_USER": "reader"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
