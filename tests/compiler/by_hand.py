"""Runs the scripts of a package by hand, with the variables that a DAG file gives its tasks, and reads the results."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deployer.models.flow import Flow, Package
from tests.compiler.compiling import deployment, local
from tests.compiling import build_packages, compile_flows

RUN = "airflow-0123456789ab"


@dataclass
class Operator:
    """One run of a deployed flow, task by task, each in a fresh folder."""

    flow: Flow
    package: Package
    folder: Path
    run: str = RUN
    tags: tuple[str, ...] = ()
    results: dict[str, Any] = field(default_factory=dict)

    def task(self, step: str, inputs: str = "", **more: Any) -> subprocess.CompletedProcess[str]:
        """One attempt of a task. `more`: task, attempt, split, parameters, variables, under (what starts it)."""
        task = more.get("task", step)
        work = self.folder / f"{task}-{more.get('attempt', 0)}-{len(list(self.folder.glob('*')))}"
        work.mkdir(parents=True)
        result = work / "xcom" / "return.json"
        done = subprocess.run(
            [*more.get("under", ()), "bash", "-c", self.package.scripts[step]],
            cwd=work,
            env=self._variables(step, task, inputs, result, more),
            capture_output=True,
            text=True,
        )
        if result.exists():
            self.results[task] = json.loads(result.read_text())
        return done

    def path(self, *tasks: str) -> str:
        """The input path of tasks before: ``step`` or ``step:task``."""
        parts = [task.partition(":") for task in tasks]
        return ",".join(f"{self.run}/{step}/{task or step}" for step, _, task in parts)

    def _variables(self, step: str, task: str, inputs: str, result: Path, more: Mapping[str, Any]) -> dict[str, str]:
        described = self.flow.step(step)
        retries = described.retries.times
        given = {
            **self.flow.environment,
            **self.package.environment,
            **described.environment,
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "MFDEPLOY_PYTHON": sys.executable,
            "MFDEPLOY_RESULT_FILE": str(result),
            "METAFLOW_STEP_NAME": step,
            "METAFLOW_TASK_OPTIONS": json.dumps(described.options),
            "METAFLOW_RUN_ID": self.run,
            "METAFLOW_TASK_ID": task,
            "METAFLOW_RETRY_COUNT": str(more.get("attempt", 0)),
            "METAFLOW_MAX_USER_CODE_RETRIES": str(retries),
            "METAFLOW_INPUT_PATHS": inputs,
            "METAFLOW_SPLIT_INDEX": str(more.get("split", "")),
            "METAFLOW_TAGS": json.dumps(self.tags),
            "METAFLOW_AIRFLOW_DAG_RUN_ID": "manual__2026",
            "METAFLOW_AIRFLOW_JOB_ID": "7",
            **({"MFDEPLOY_PARALLEL": "0"} if described.parallel else {}),
        }
        if not inputs and "METAFLOW_JOINED_ITEMS" not in more.get("variables", {}):
            text = json.dumps(more.get("parameters", {}))
            pieces = [text[start : start + 30_000] for start in range(0, len(text), 30_000)]
            given |= {f"METAFLOW_PARAMETERS_{number}": piece for number, piece in enumerate(pieces)}
        return {**given, **more.get("variables", {})}


def deployed(folder: Path, file: Path | str, user: str = "ann", **more: Any) -> Operator:
    """A run of a flow (a file of the compiler's test flows, or an absolute path), with a datastore in the folder."""
    tags = more.pop("tags", ())
    one = deployment(file, environment=local(folder / "datastore"), **more)
    compiled = compile_flows([one])
    errors = [found.message for found in compiled.diagnostics if found.severity == "error"]
    assert errors == []
    [package] = build_packages([one], upload=True, user=user).values()
    return Operator(compiled.flows[one.address], package, folder / "work", tags=tags)


def by_metaflow(folder: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """``python COMMAND`` as on a user's machine, with the datastore in the folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("METAFLOW_")}
    settings = {
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(folder / "datastore"),
        "METAFLOW_DEFAULT_METADATA": "local",
        "METAFLOW_USER": "reader",
    }
    return subprocess.run(
        [sys.executable, *command], env={**kept, **settings, **variables}, cwd=folder, capture_output=True, text=True
    )


def read(folder: Path, flow: str, expression: str) -> Any:
    """A value that an expression of `run` gives in Metaflow's Client."""
    code = f"import json; from metaflow import Run, namespace; namespace(None); run = Run('{flow}/{RUN}')"
    done = by_metaflow(folder, "-c", f"{code}; print(json.dumps({expression}))")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
