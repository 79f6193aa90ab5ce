"""Our own decorator of a task's step."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field
from typing import Any

from .events import MAX_IN_POD, published
from .items import MOST_BYTES, shown_values
from .metaflow_compat import (
    ATTEMPTS,
    MetaDatum,
    StepDecorator,
    copy_attempt,
    foreach_variable,
    is_next_foreach,
    is_parallel_foreach,
    next_steps,
    number_of_nodes,
    number_of_splits,
    set_trigger,
)
from .missing import say_what_is_missing
from .parallel import events_of_workers
from .variables import GIVEN, input_paths, is_control, long_text
from .watch import say_error

# The code package that Metaflow notes in the metadata of each task, and would note for tasks of other flows as well.
_CODE_PACKAGE = ("METAFLOW_CODE_METADATA", "METAFLOW_CODE_SHA", "METAFLOW_CODE_URL", "METAFLOW_CODE_DS")


@dataclass
class Outcome:
    """How the step ended.

    `finished` is what Metaflow says of it: its Client finds a task successful that finished. `problem` is one sentence,
    about a step that finished and went on to other steps than the flow's graph says. `result` is what it said about
    its successors, for Airflow.
    """

    finished: bool = False
    problem: str = ""
    result: dict[str, Any] = field(default_factory=dict)


outcome = Outcome()


class TaskRecorder(StepDecorator):  # type: ignore[misc]
    """Puts Airflow's ids into the task's metadata and notes what the tasks after it depend on."""

    name = "mfdeploy_internal"
    # Of Metaflow's command line, before the name of any command.
    option = f"--with={name}"

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
        tmpfs = GIVEN.get("MFDEPLOY_TMPFS")
        if tmpfs and step_name == GIVEN["METAFLOW_STEP_NAME"]:
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
        triggers = json.loads(long_text("MFDEPLOY_TRIGGERS") or "[]")
        if triggers:
            set_trigger(triggers)
            if not input_paths():  # as Metaflow's own, in the first step alone
                ids["execution-triggers"] = json.dumps(triggers)
        entries = [MetaDatum(field=name, value=value, type=name, tags=tags) for name, value in ids.items() if value]
        if entries:
            metadata.register_metadata(run_id, step_name, task_id, entries)
        # The step's code runs next. The task's code package is noted, and no flow that the step starts has this one.
        for name in [name for name in os.environ if name in _CODE_PACKAGE or name.startswith("MFDEPLOY_")]:
            del os.environ[name]
        if self.option in sys.argv:
            # Other processes, which may be started with the same arguments, do not know this decorator.
            sys.argv.remove(self.option)

    def task_post_step(
        self, step_name: str, flow: Any, graph: Any, retry_count: int, max_user_code_retries: int
    ) -> None:
        if GIVEN.get("MFDEPLOY_SHOW_ITEMS") and graph[step_name].type == "foreach":
            # Now: Metaflow takes what it has stored away from the flow.
            outcome.result["values"] = shown_values(getattr(flow, foreach_variable(flow) or "", None), MOST_BYTES)

    def task_exception(
        self,
        exception: BaseException,
        step_name: str,
        flow: Any,
        graph: Any,
        retry_count: int,
        max_user_code_retries: int,
    ) -> None:
        say_what_is_missing(exception)
        say_error(exception)

    def task_finished(
        self, step_name: str, flow: Any, graph: Any, is_task_ok: bool, retry_count: int, max_user_code_retries: int
    ) -> None:
        if retry_count >= ATTEMPTS:
            # Readers look for no attempt beyond those: the steps after it and `resume` find it as the last of them. The
            # metadata, and with it Metaflow's Client, knows the attempt by its own number.
            copy_attempt(self._datastore, retry_count, ATTEMPTS - 1)
        if not is_task_ok:
            return
        outcome.finished = True
        outcome.problem = wrong_transition(step_name, flow, graph[step_name])
        if outcome.problem:
            return
        if is_control():
            outcome.result["nodes"] = number_of_nodes(flow)
            published.extend(events_of_workers(outcome.result["nodes"]))
        if published:
            outcome.result["events"] = published
            if len(json.dumps(outcome.result)) > MAX_IN_POD:
                outcome.result.pop("values", None)  # which are for people to look at
        kind = graph[step_name].type
        if kind == "foreach" and not is_parallel_foreach(graph[step_name]):
            outcome.result["splits"] = number_of_splits(flow)
        elif kind == "split-switch":
            outcome.result["next"] = next_steps(flow)[0]


def wrong_transition(step: str, flow: Any, node: Any) -> str:
    """What is wrong with a step's call of ``self.next``; empty where nothing is.

    As Metaflow's own runtime finds it, between two steps (`NativeRuntime._queue_tasks` in metaflow/runtime.py).
    """
    called, expected = next_steps(flow), list(node.out_funcs)
    if node.type == "split-switch":
        wanted, is_right = f"one of {', '.join(expected)}", len(called) == 1 and called[0] in expected
    else:
        wanted, is_right = ", ".join(expected), called == expected
    is_foreach = node.type == "foreach"
    way = " with num_parallel of 1 or more" if is_foreach and is_parallel_foreach(node) else " with foreach"
    if is_right and is_next_foreach(flow) == is_foreach:
        return ""
    asked = f"self.next() for {wanted or 'no step'}{way if is_foreach else ''}"
    done = f"called it for {', '.join(called)}" if called else "ended without calling it"
    done += " with foreach" if is_next_foreach(flow) else ""
    return f"The task fails: step {step} had to call {asked}, and {done}."
