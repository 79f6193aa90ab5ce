"""Our own decorator of a task's step, and what else Metaflow is told to do otherwise."""

from __future__ import annotations

import os
from typing import Any

from metaflow import decorators, metaflow_config, plugins, task
from metaflow.datastore.task_datastore import TaskDataStore
from metaflow.decorators import StepDecorator
from metaflow.metadata_provider import MetaDatum
from metaflow.user_decorators.user_step_decorator import UserStepDecoratorMeta

# As many attempts of a task as readers look for, of whom most do not know of this package.
_ATTEMPTS = metaflow_config.MAX_ATTEMPTS
# What the step said about its successors; written for Airflow once the step is known to have succeeded.
outcome: dict[str, Any] = {}


class TaskRecorder(StepDecorator):  # type: ignore[misc]
    """Puts Airflow's ids into the task's metadata and notes what the tasks after it depend on."""

    name = "mfdeploy_internal"

    def task_pre_step(
        self,
        step_name: str,
        task_datastore: Any,
        metadata: Any,
        run_id: str,
        task_id: str,
        flow: Any,
        graph: Any,
        retry_count: int,
        max_user_code_retries: int,
        ubf_context: Any,
        inputs: Any,
    ) -> None:
        self._datastore = task_datastore
        ids = {
            "airflow-dag-run-id": os.environ.get("METAFLOW_AIRFLOW_DAG_RUN_ID"),
            "airflow-job-id": os.environ.get("METAFLOW_AIRFLOW_JOB_ID"),
        }
        tags = [f"attempt_id:{retry_count}"]
        entries = [MetaDatum(field=name, value=value, type=name, tags=tags) for name, value in ids.items() if value]
        if entries:
            metadata.register_metadata(run_id, step_name, task_id, entries)

    def task_finished(
        self, step_name: str, flow: Any, graph: Any, is_task_ok: bool, retry_count: int, max_user_code_retries: int
    ) -> None:
        if retry_count >= _ATTEMPTS:
            _show_as_last(self._datastore, retry_count)
        if not is_task_ok:
            return
        kind = graph[step_name].type
        if kind == "foreach":
            outcome["splits"] = flow._foreach_num_splits
        elif kind == "split-switch":
            outcome["next"] = flow._transition[0][0]


def allow_attempt(attempt: int) -> None:
    """Lets Metaflow run and look for so many attempts, in this process."""
    if attempt >= _ATTEMPTS:
        metaflow_config.MAX_ATTEMPTS = task.MAX_ATTEMPTS = attempt + 1


def _show_as_last(datastore: Any, retry_count: int) -> None:
    """Makes an attempt beyond those that readers look for the last of those: the steps after it and `resume` find it.

    The metadata, and with it Metaflow's Client, knows the attempt by its own number.
    """
    started, data, done = (
        TaskDataStore.METADATA_ATTEMPT_SUFFIX,
        TaskDataStore.METADATA_DATA_SUFFIX,
        TaskDataStore.METADATA_DONE_SUFFIX,
    )

    def attempt(number: int, mode: str) -> Any:
        ids = datastore.run_id, datastore.step_name, datastore.task_id
        return datastore.parent_datastore.get_task_datastore(*ids, attempt=number, mode=mode, allow_not_done=True)

    contents = attempt(retry_count, "r").load_metadata([started, data])
    contents[data]["attempt"] = _ATTEMPTS - 1
    attempt(_ATTEMPTS - 1, "w").save_metadata({**contents, done: ""})


def register(decorator: type) -> None:
    """Makes a step decorator known to ``--with``."""
    plugins.STEP_DECORATORS.append(decorator)
    known = UserStepDecoratorMeta._all_registered_decorators
    if known.inited:
        known.insert(TaskRecorder.name, decorator)


def make_inert(name: str) -> None:
    """Lets a compute decorator of the code do nothing, for a step that runs where it is."""
    decorator = decorators.get_all_step_decos().get(name)
    if decorator is None:
        return
    for hook in [attribute for attribute in vars(decorator) if attribute in vars(StepDecorator)]:
        if not hook.startswith("__"):
            setattr(decorator, hook, vars(StepDecorator)[hook])
    # Metaflow calls init() only where the class itself has one.
    if "init" in vars(decorator):
        del decorator.init
