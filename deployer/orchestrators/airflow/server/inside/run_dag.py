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
    know_assets(dag)
    given = inspect.signature(dag.test).parameters
    argument = "logical_date" if "logical_date" in given else "execution_date"
    try:
        dag.test(**{argument: datetime.now(timezone.utc)}, run_conf=request["conf"])
    except Exception:
        # Airflow 2 raises where a task failed for good.
        traceback.print_exc()
    return 0


def know_assets(dag: Any) -> None:
    """Airflow 3.0 runs no task whose assets a scheduler has not seen; later versions take note of them themselves."""
    import airflow

    if not airflow.__version__.startswith("3.0."):
        return
    from airflow.models.asset import AssetActive, AssetModel
    from airflow.utils.session import create_session

    # An alias of assets has no address.
    found = {asset.uri: asset for task in dag.tasks for asset in task.outlets if getattr(asset, "uri", None)}
    with create_session() as session:
        for uri, asset in found.items():
            if not session.query(AssetModel).filter(AssetModel.uri == uri).count():
                session.add(AssetModel(name=asset.name, uri=uri, group=asset.group, extra={}))
            if not session.query(AssetActive).filter(AssetActive.uri == uri).count():
                session.add(AssetActive(name=asset.name, uri=uri))


def load(file: str) -> Any:
    try:
        from airflow.dag_processing.dagbag import DagBag
    except ImportError:  # before Airflow 3.1
        from airflow.models.dagbag import DagBag
    return DagBag(file)


if __name__ == "__main__":
    sys.exit(main())
