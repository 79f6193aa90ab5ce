"""The corpus: flows that each say of themselves what they show, and what must come out of a run.

One file of `corpus/` is one case: a flow, and beside it a literal ``CASE`` that is read without importing the file.

===============  ======================================================================================================
shows            titles of the rows (`rows.py`) that this flow is an example of
entry            the flow's entry in the manifest, without `file`
files            what is beside the flow: texts by path
runs             what each run is asked for (`tests/airflow/runner.py`: conf, clears, minute); one plain run if absent
state            how the first run ends in Airflow: "success" if absent
like_metaflow    the first run has the same tasks and artifacts as ``python flow.py run``
tasks            number of tasks by step, in Metaflow's account
artifacts        by step, some artifacts of its tasks: a map for a single task, a list of maps by place in the foreach
attempts         by step, the number of its (last) task's current attempt
states           by step, Airflow's states by map index
tags             tags that the run must have
logs             by step, texts that the standard output of its first task must hold
computes         where it can run: both computes if absent
cold             True where a task reads its code package by way of the Metaflow in it, as for a Config
project          the name that its @project gives, which is in the id of its DAG
===============  ======================================================================================================

What is more than data can say is a function of the flow's name in `checks.py`.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CORPUS = Path(__file__).with_name("corpus")
COMPUTES = ("local", "kubernetes")


@dataclass(frozen=True)
class Case:
    """One flow of the corpus, and what it says of itself."""

    name: str
    flow: str
    shows: Sequence[str]
    entry: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    runs: Sequence[Mapping[str, Any]] = ({},)
    state: str = "success"
    like_metaflow: bool = False
    tasks: Mapping[str, int] = field(default_factory=dict)
    artifacts: Mapping[str, Any] = field(default_factory=dict)
    attempts: Mapping[str, int] = field(default_factory=dict)
    states: Mapping[str, Sequence[str]] = field(default_factory=dict)
    tags: Sequence[str] = ()
    logs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    computes: Sequence[str] = COMPUTES
    cold: bool = False
    project: str = ""

    @property
    def file(self) -> Path:
        return CORPUS / f"{self.name}.py"

    @property
    def dag_id(self) -> str:
        return f"{self.project}.test.column.{self.flow}" if self.project else f"{self.flow}.column"


@functools.cache
def corpus() -> Mapping[str, Case]:
    """All cases by name. Raises TypeError for a word that no case has."""
    return {path.stem: _read(path) for path in sorted(CORPUS.glob("*.py"))}


def _read(path: Path) -> Case:
    said: dict[str, Any] = {}
    flow = ""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "CASE":
            said = ast.literal_eval(node.value)
        if isinstance(node, ast.ClassDef) and any(ast.unparse(base) == "FlowSpec" for base in node.bases):
            flow = node.name
    return Case(path.stem, flow, **said)
