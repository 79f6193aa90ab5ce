"""Our own decorator of a task's step."""

from __future__ import annotations

import json
import os
from typing import Any

from .metaflow_compat import ATTEMPTS, MetaDatum, StepDecorator, chosen_step, copy_attempt, number_of_splits

# What the step said about its successors; written for Airflow once the step is known to have succeeded.
outcome: dict[str, Any] = {}


class TaskRecorder(StepDecorator):  # type: ignore[misc]
    """Puts Airflow's ids into the task's metadata and notes what the tasks after it depend on."""

    name = "mfdeploy_internal"

    def step_init(
        self,
        flow: Any,
        graph: Any,
        step_name: str,
        decorators: Any,
        environment: Any,
        flow_datastore: Any,
        logger: Any,
    ) -> None:
        """Gives the `@kubernetes` of the code what the manifest says of the tmpfs, which is mounted as that says."""
        tmpfs = os.environ.get("MFDEPLOY_TMPFS")
        if tmpfs and step_name == os.environ["METAFLOW_STEP_NAME"]:
            for decorator in decorators:
                if decorator.name == "kubernetes":
                    decorator.attributes.update(json.loads(tmpfs))

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
        if retry_count >= ATTEMPTS:
            # Readers look for no attempt beyond those: the steps after it and `resume` find it as the last of them. The
            # metadata, and with it Metaflow's Client, knows the attempt by its own number.
            copy_attempt(self._datastore, retry_count, ATTEMPTS - 1)
        if not is_task_ok:
            return
        kind = graph[step_name].type
        if kind == "foreach":
            outcome["splits"] = number_of_splits(flow)
        elif kind == "split-switch":
            outcome["next"] = chosen_step(flow)
