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
    make_known(dag)
    given = inspect.signature(dag.test).parameters
    argument = "logical_date" if "logical_date" in given else "execution_date"
    try:
        dag.test(**{argument: datetime.now(timezone.utc)}, run_conf=request["conf"])
    except Exception:
        # Airflow 2 raises where a task failed for good.
        traceback.print_exc()
    return 0


def make_known(dag: Any) -> None:
    """Makes the assets of a DAG known, as Airflow's DAG processor does; later Airflows do it in `DAG.test` themselves.

    Airflow 2 needs it where a task publishes by an alias. Airflow 3.0 runs no task whose assets it does not know.
    """
    import airflow

    if airflow.__version__.startswith("2."):
        if any(type(outlet).__name__ == "DatasetAlias" for task in dag.tasks for outlet in task.outlets):
            dag.sync_to_db()
    elif airflow.__version__.startswith("3.0."):
        from airflow.dag_processing.bundles.manager import DagBundlesManager
        from airflow.models.dag import DAG
        from airflow.serialization.serialized_objects import SerializedDAG

        DagBundlesManager().sync_bundles_to_db()
        DAG.bulk_write_to_db("dags-folder", None, [SerializedDAG.deserialize_dag(SerializedDAG.serialize_dag(dag))])


def load(file: str) -> Any:
    try:
        from airflow.dag_processing.dagbag import DagBag
    except ImportError:  # before Airflow 3.1
        from airflow.models.dagbag import DagBag
    return DagBag(file)


if __name__ == "__main__":
    sys.exit(main())
