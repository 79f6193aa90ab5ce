"""Runs inside an Airflow's own Python: one run of a DAG, in this process.

``python run_dag.py REQUEST.json``, which holds ``{"dag_id", "file", "conf"}``. Works on Airflow 2.10 to 3.x. The exit
code is 0 if the run was made, however it ended; its state is in Airflow's database.
"""

from __future__ import annotations

import inspect
import json
import sys
import traceback
from datetime import datetime, timezone
from pathlib import Path
from typing import Any


def main() -> int:
    request = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    bag = load(request["file"])
    for text in bag.import_errors.values():
        sys.stdout.write(f"{text}\n")
    dag = bag.dags.get(request["dag_id"])
    if dag is None:
        sys.stdout.write(f"{request['file']} has no DAG {request['dag_id']}\n")
        return 1
    given = inspect.signature(dag.test).parameters
    argument = "logical_date" if "logical_date" in given else "execution_date"
    try:
        dag.test(**{argument: datetime.now(timezone.utc)}, run_conf=request["conf"])
    except Exception:
        # Airflow 2 raises where a task failed for good.
        traceback.print_exc()
    return 0


def load(file: str) -> Any:
    try:
        from airflow.dag_processing.dagbag import DagBag
    except ImportError:  # before Airflow 3.1
        from airflow.models.dagbag import DagBag
    return DagBag(file)


if __name__ == "__main__":
    sys.exit(main())
