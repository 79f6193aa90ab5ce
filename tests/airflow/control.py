"""Runs inside an Airflow's own Python and does with its database what the web page's buttons do.

Reads one JSON object a line and answers each with one line: ``{"do": "trigger", "dag_id", "run_id", "conf"}``,
``{"do": "run", "dag_id", "run_id"}`` (null where there is none), ``{"do": "clear", "dag_id", "run_id", "tasks"}``,
``{"do": "known"}`` (the DAGs that can be triggered), ``{"do": "errors"}`` (of DAG files). Works on Airflow 2.10 to 3.x.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import sys
from collections.abc import Callable
from typing import Any

from sqlalchemy import select


def main() -> None:
    answers = sys.stdout
    # Airflow's own words do not belong among the answers.
    sys.stdout = sys.stderr
    from airflow import settings

    # Most versions do it when they are imported; a second time they refuse policies, which are plugins with one name.
    if getattr(settings, "Session", None) is None:
        settings.initialize()
    with contextlib.suppress(ImportError):
        # Airflow 2 notes who wrote what about a task, in a table that nothing else here loads.
        import airflow.providers.fab.auth_manager.models  # noqa: F401
    actions: dict[str, Callable[..., object]] = {
        "trigger": trigger,
        "run": run,
        "clear": clear,
        "known": known,
        "errors": errors,
    }
    for line in sys.stdin:
        asked = json.loads(line)
        session = settings.Session()
        try:
            answer = actions[asked.pop("do")](session, **asked)
            session.commit()
        finally:
            session.close()
        print(json.dumps(answer, default=str), file=answers, flush=True)


def trigger(session: Any, dag_id: str, run_id: str, conf: dict[str, Any]) -> None:
    from airflow.api.common.trigger_dag import trigger_dag

    given = {}
    if "triggered_by" in inspect.signature(trigger_dag).parameters:
        from airflow.utils.types import DagRunTriggeredByType

        given["triggered_by"] = DagRunTriggeredByType.TEST
    trigger_dag(dag_id, run_id=run_id, conf=conf, **given)


def run(session: Any, dag_id: str, run_id: str) -> dict[str, Any] | None:
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.taskinstancehistory import TaskInstanceHistory

    found = session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
    if found is None:
        return None

    def rows(table: Any) -> list[dict[str, Any]]:
        wanted = session.scalars(select(table).where(table.dag_id == dag_id, table.run_id == run_id))
        return [described(row) for row in sorted(wanted, key=lambda one: (one.task_id, one.map_index, one.try_number))]

    return {"state": str(found.state), "tasks": rows(TaskInstance), "earlier": rows(TaskInstanceHistory)}


def described(task: Any) -> dict[str, Any]:
    return {
        "task_id": task.task_id,
        "map_index": task.map_index,
        "try_number": task.try_number,
        "max_tries": task.max_tries,
        "state": str(task.state),
        "start": task.start_date.timestamp() if task.start_date else None,
        "end": task.end_date.timestamp() if task.end_date else None,
        "pid": task.pid,
    }


def clear(session: Any, dag_id: str, run_id: str, tasks: list[str]) -> None:
    """Clears these tasks; those after them are for the caller to name."""
    from airflow.models.taskinstance import TaskInstance, clear_task_instances

    wanted = (TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id, TaskInstance.task_id.in_(tasks))
    found = list(session.scalars(select(TaskInstance).where(*wanted)))
    given = {}
    if "dag" in inspect.signature(clear_task_instances).parameters:
        from airflow.models.serialized_dag import SerializedDagModel

        given["dag"] = SerializedDagModel.get_dag(dag_id, session=session)
    clear_task_instances(found, session, **given)


def known(session: Any) -> list[str]:
    from airflow.models.dag import DagModel
    from airflow.models.serialized_dag import SerializedDagModel

    # Airflow 2 writes one after the other.
    return sorted(
        set(session.scalars(select(SerializedDagModel.dag_id))) & set(session.scalars(select(DagModel.dag_id)))
    )


def errors(session: Any) -> list[str]:
    try:
        from airflow.models.errors import ParseImportError as Error
    except ImportError:
        from airflow.models.errors import ImportError as Error
    return [f"{row.filename}: {row.stacktrace}" for row in session.scalars(select(Error))]


if __name__ == "__main__":
    main()
