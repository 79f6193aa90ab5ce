"""Runs inside an Airflow's own Python: loads a folder of DAG files, describes them, and runs some of them.

``python runner.py REQUEST.json ANSWER.json``. The request: ``{"folder": ..., "runs": [{"dag_id", "conf",
"clears"}], "registered": true}``, the last where the DAGs must be in Airflow's database. The answer: ``{"version",
"import_errors", "warnings", "dags", "serialized", "runs"}``. Several runs share one process, because starting Airflow
is what costs time. Works on Airflow 2.10 to 3.x.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import sys
import traceback
import warnings
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

CAUGHT: list[str] = []


def main() -> None:
    request = json.loads(Path(sys.argv[1]).read_text())
    folder = Path(request["folder"])
    warnings.simplefilter("always")
    warnings.showwarning = note_warning(folder)
    import airflow

    answer: dict[str, Any] = {"version": airflow.__version__, "runs": []}
    bag = load(folder)
    plain_tracebacks()
    answer["import_errors"] = {str(Path(file).name): text for file, text in bag.import_errors.items()}
    answer["dags"] = {dag_id: describe(dag) for dag_id, dag in bag.dags.items()}
    answer["serialized"] = {dag_id: serialize(dag) for dag_id, dag in bag.dags.items()}
    answer["warnings"] = list(CAUGHT)
    if request.get("registered") and airflow.__version__.startswith("2."):
        # As the DAG processor does all the time: a sensor of Airflow 2 looks there for the DAG that it waits for.
        bag.sync_to_db()
    elif request["runs"] and airflow.__version__.startswith("2."):
        know_aliases(bag)
    if request["runs"] and airflow.__version__.startswith("3.0."):
        activate_assets(bag)
    for asked in request["runs"]:
        answer["runs"].append(run(bag.dags[asked["dag_id"]], asked))
    Path(sys.argv[2]).write_text(json.dumps(answer, default=str))


def note_warning(folder: Path) -> Any:
    """Keeps the warnings that a DAG file is to blame for."""

    def show(message: Any, category: type, filename: str, lineno: int, *_: Any) -> None:
        if str(filename).startswith(str(folder)):
            CAUGHT.append(f"{Path(filename).name}:{lineno}: {category.__name__}: {message}")

    return show


def know_aliases(bag: Any) -> None:
    """Makes the DAGs known that publish by an alias of datasets, as the DAG processor of Airflow 2 does."""
    for dag in bag.dags.values():
        if any(type(outlet).__name__ == "DatasetAlias" for task in dag.tasks for outlet in task.outlets):
            dag.sync_to_db()


def activate_assets(bag: Any) -> None:
    """Makes the assets known that tasks say they update: Airflow 3.0 refuses a task whose assets are not.

    Its DAG processor does that, and later Airflows do it in `DAG.test` too.
    """
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.models.dag import DAG

    DagBundlesManager().sync_bundles_to_db()
    DAG.bulk_write_to_db("dags-folder", None, [scheduler_dag(dag) for dag in bag.dags.values()])


def plain_tracebacks() -> None:
    """A task's exception as text in the log.

    Airflow 3.0 does not set up structlog for `DAG.test`; structlog itself draws exceptions in colours, in a frame of
    100 columns that cuts their messages into lines.
    """
    with contextlib.suppress(ImportError):  # Airflow 2
        import structlog

        if not structlog.is_configured():
            renderer = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
            structlog.configure(processors=[*structlog.get_config()["processors"][:-1], renderer])


def load(folder: Path) -> Any:
    try:
        from airflow.dag_processing.dagbag import DagBag
    except ImportError:
        from airflow.models.dagbag import DagBag
    # Examples are switched off by the environment: not every version has the argument.
    bag = DagBag(str(folder))
    # Airflow 2.11 and later record warnings themselves, before they are shown.
    for file, found in getattr(bag, "captured_warnings", {}).items():
        CAUGHT.extend(f"{Path(file).name}: {text}" for text in found if str(folder) in text)
    return bag


def describe(dag: Any) -> dict[str, Any]:
    return {
        "tasks": {task.task_id: describe_task(task) for task in dag.tasks},
        "params": {name: dag.params.get_param(name).schema for name in dag.params},
        "help": {name: dag.params.get_param(name).description for name in dag.params},
        "defaults": {name: dag.params.get_param(name).value for name in dag.params},
        "tags": sorted(dag.tags),
        "start_date": dag.start_date.isoformat(),
        "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs,
        "max_active_tasks": dag.max_active_tasks,
        "doc_md": dag.doc_md,
        "description": dag.description,
        "is_paused_upon_creation": dag.is_paused_upon_creation,
        "dagrun_timeout": dag.dagrun_timeout,
        "timetable": type(dag.timetable).__name__,
        "next_runs": next_runs(dag),
    }


def describe_task(task: Any) -> dict[str, Any]:
    pod = None
    if hasattr(task, "build_pod_request_obj"):
        from kubernetes import client

        pod = client.ApiClient().sanitize_for_serialization(build_pod(task))
    return {
        "upstream": sorted(task.upstream_task_ids),
        "downstream": sorted(task.downstream_task_ids),
        "retries": task.retries,
        "retry_delay": task.retry_delay.total_seconds(),
        "execution_timeout": task.execution_timeout.total_seconds() if task.execution_timeout else None,
        "pool": task.pool,
        "owner": task.owner,
        "max_active_tis_per_dagrun": task.max_active_tis_per_dagrun,
        "operator": type(task).__mro__[1].__name__,
        "pod": pod,
    }


def build_pod(task: Any) -> Any:
    """The pod as the operator would send it, of a copy without access to any cluster."""
    import copy
    from unittest import mock

    task = copy.copy(task)
    task.env_vars = {name: value.replace("$", "$$") for name, value in task.environment.items()}
    with mock.patch.object(type(task), "hook", mock.MagicMock(is_in_cluster=True)):
        return task.build_pod_request_obj(None)


def next_runs(dag: Any) -> dict[str, Any]:
    """The first scheduled runs of a DAG that never ran, counted from now."""
    from airflow.timetables.base import TimeRestriction

    timetable = dag.timetable
    try:
        from airflow.serialization.encoders import coerce_to_core_timetable

        timetable = coerce_to_core_timetable(timetable)
    except ImportError:
        pass
    import pendulum

    earliest = pendulum.instance(dag.start_date)
    restriction = TimeRestriction(earliest=earliest, latest=None, catchup=dag.catchup)
    found, last = [], None
    for _ in range(4):
        info = timetable.next_dagrun_info(last_automated_data_interval=last, restriction=restriction)
        if info is None:
            break
        found.append(info.run_after.isoformat())
        last = info.data_interval
    return {"now": datetime.now(timezone.utc).isoformat(), "runs": found}


def serialize(dag: Any) -> str:
    return json.dumps(serializer().to_dict(dag), sort_keys=True, default=str)


def serializer() -> Any:
    try:
        from airflow.serialization.serialized_objects import DagSerialization as Serializer
    except ImportError:  # before Airflow 3.1
        from airflow.serialization.serialized_objects import SerializedDAG as Serializer
    return Serializer


def run(dag: Any, asked: dict[str, Any]) -> dict[str, Any]:
    """Runs a DAG to its end, with `conf` as what the user gave at trigger time."""
    # Airflow runs no task whose run has a date before the DAG's start date.
    date = dag.start_date + timedelta(minutes=asked.get("minute", 0))
    if "date" in asked:
        date = datetime.fromisoformat(asked["date"])
    argument = "logical_date" if "logical_date" in inspect.signature(dag.test).parameters else "execution_date"
    answer: dict[str, Any] = {"dag_id": dag.dag_id}
    try:
        result = dag.test(**{argument: date}, run_conf=asked.get("conf"))
    except Exception:
        # Airflow 2 raises where a task of a test run failed for good.
        answer["error"] = traceback.format_exc()
        result = None
    for _ in range(asked.get("clears", 0)):
        clear_and_go_on(dag)
    return {**answer, **outcome(dag, result)}


def clear_and_go_on(dag: Any) -> None:
    """Clears what failed in the DAG's last run, as the button in Airflow does, and runs it to its end again.

    `DAG.test` would start from the beginning; this is the loop of it, on the run that is there.
    """
    from airflow import settings
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import clear_task_instances
    from airflow.utils.state import DagRunState, TaskInstanceState

    with contextlib.suppress(ImportError):
        # Airflow 2 notes who wrote what about a task, in a table that nothing else here loads.
        import airflow.providers.fab.auth_manager.models  # noqa: F401
    session = settings.Session()
    dag_run = session.query(DagRun).filter(DagRun.dag_id == dag.dag_id).order_by(DagRun.id.desc()).first()
    failed = [task for task in dag_run.get_task_instances(session=session) if "failed" in str(task.state)]
    given = {"dag": dag} if "dag" in inspect.signature(clear_task_instances).parameters else {}
    clear_task_instances(failed, session, dag_run_state=DagRunState.RUNNING, **given)
    for task in failed:
        # As clearing does where it finds the DAG in the database, where Airflow 3.0's `DAG.test` does not put it.
        task.max_tries = task.try_number + dag.task_dict[task.task_id].retries
    session.commit()
    dag_run.dag = dag if given else scheduler_dag(dag)
    while dag_run.state == DagRunState.RUNNING:
        session.expire_all()
        ready, _ = dag_run.update_state(session=session)
        for task in ready:
            task.try_number += 1
            task.state = TaskInstanceState.SCHEDULED
        session.commit()
        for task in dag_run.get_task_instances(session=session):
            if task.state == TaskInstanceState.SCHEDULED:
                run_one(dag, task, session)


def scheduler_dag(dag: Any) -> Any:
    return serializer().deserialize_dag(serializer().serialize_dag(dag))


def run_one(dag: Any, task: Any, session: Any) -> None:
    """One try of a task, without a scheduler."""
    try:
        from airflow.sdk.definitions.dag import _run_task as run_in_3

        if "task" in inspect.signature(run_in_3).parameters:
            run_in_3(ti=task, task=dag.task_dict[task.task_id])
        else:  # Airflow 3.0
            task.task = dag.task_dict[task.task_id]
            run_in_3(ti=task)
    except ImportError:
        from airflow.models.dag import _run_task as run_in_2

        task.task = dag.task_dict[task.task_id]
        with contextlib.suppress(Exception):
            run_in_2(ti=task, session=session)


def outcome(dag: Any, result: Any) -> dict[str, Any]:
    from airflow.models.dagrun import DagRun
    from airflow.models.renderedtifields import RenderedTaskInstanceFields
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session

    with create_session() as session:
        found = session.query(DagRun).filter(DagRun.dag_id == dag.dag_id).order_by(DagRun.id.desc()).first()
        tasks = session.query(TaskInstance).filter(
            TaskInstance.dag_id == dag.dag_id, TaskInstance.run_id == found.run_id
        )
        fields = session.query(RenderedTaskInstanceFields).filter(
            RenderedTaskInstanceFields.dag_id == dag.dag_id, RenderedTaskInstanceFields.run_id == found.run_id
        )
        rendered = {(row.task_id, row.map_index): row.rendered_fields for row in fields}
        return {
            "run_id": found.run_id,
            "state": str(getattr(found.state, "value", found.state)),
            "tasks": [
                {
                    "task_id": task.task_id,
                    "map_index": task.map_index,
                    "state": str(getattr(task.state, "value", task.state)),
                    "try_number": task.try_number,
                    "max_tries": task.max_tries,
                    "rendered": rendered.get((task.task_id, task.map_index)),
                    "item": task.rendered_map_index if task.map_index >= 0 else None,
                }
                for task in sorted(tasks, key=lambda one: (one.task_id, one.map_index))
            ],
        }


if __name__ == "__main__":
    main()
