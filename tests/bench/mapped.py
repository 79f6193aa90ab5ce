"""A foreach under a running scheduler, against a mapped task that somebody wrote by hand for the same work."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.airflow.harness import installed
from tests.airflow.scheduler import Run, running
from tests.bench import corpus
from tests.bench.imports import VERSIONS
from tests.bench.rows import Row
from tests.bench.workbench import Workbench

# It takes its time; 0 leaves it out.
ITEMS = int(os.environ.get("MFDEPLOY_BENCH_ITEMS", "1000"))
_SETTINGS = {"AIRFLOW__CORE__MAX_MAP_LENGTH": "100000", "AIRFLOW__CORE__PARALLELISM": "4"}
_HOUR = 3600.0


def rows(bench: Workbench) -> Iterator[Row]:
    """Tasks per second, of which more is better: there is no limit to the ratio."""
    if ITEMS == 0:
        return
    for version in VERSIONS:
        ours, hand = tasks_per_second(version, ITEMS, bench.folder, bench.apply)
        case = f"foreach of {ITEMS:,} items under Airflow {version}, tasks per second"
        yield Row(case, f"{ours:.2f}", f"by hand, {hand:.2f}", ours / hand)


def tasks_per_second(version: str, items: int, folder: Path, apply: Callable[[Path], object]) -> tuple[float, float]:
    """Of our DAG of a foreach, and of the one by hand; both in the same Airflow, one after the other.

    `apply` publishes a folder of manifests. Both run the same command for each item: what is compared is what Airflow
    has to do around it.
    """
    place = corpus.write_mapped(folder / f"mapped-{version}", items)
    apply(place)
    dags = place / "dags"
    (ours,) = dags.glob("*.py")
    with running(installed(version), folder / f"airflow-{version}", dags, **_SETTINGS) as airflow:
        first = airflow.trigger("MappedFlow.local", "bench")
        _succeed(first)
        values = _literals(ours)
        (start,) = (place / "metaflow" / ".metaflow" / "MappedFlow").glob("airflow-*/start/airflow-*")
        variables = _variables(values["ENVIRONMENT"], start, airflow.airflow.python)
        (dags / "hand.py").write_text(corpus.mapped_by_hand(values["SCRIPT"], variables, items))
        second = airflow.trigger("hand", "bench")
        _succeed(second)
        return _rate(first, items), _rate(second, items)


def _succeed(run: Run) -> None:
    if run.ended(_HOUR) != "success":
        raise SystemExit(f"{run.dag_id} did not succeed\n{run.airflow.logs()}")


def _rate(run: Run, items: int) -> float:
    tasks = run.tasks("each")
    if len(tasks) != items:
        raise SystemExit(f"{run.dag_id} ran {len(tasks)} items instead of {items}")
    return float(items / (max(task["end"] for task in tasks) - min(task["start"] for task in tasks)))


def _literals(file: Path) -> dict[str, Any]:
    """The constants of a DAG file."""
    found = {}
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = ast.literal_eval(node.value)
    return found


def _variables(environment: Mapping[str, str], start: Path, python: Path) -> dict[str, str]:
    """What an item's process is given, but for its number: it reads what our run's first task wrote at `start`."""
    return {
        **environment,
        "METAFLOW_STEP_NAME": "each",
        "METAFLOW_RUN_ID": "hand",
        "METAFLOW_INPUT_PATHS": "/".join(start.parts[-3:]),
        "METAFLOW_RETRY_COUNT": "0",
        "METAFLOW_MAX_USER_CODE_RETRIES": "0",
        "METAFLOW_AIRFLOW_DAG_RUN_ID": "hand",
        "METAFLOW_AIRFLOW_JOB_ID": "hand.each",
        "MFDEPLOY_RESULT_FILE": "result.json",
        "MFDEPLOY_PYTHON": str(python),
    }
