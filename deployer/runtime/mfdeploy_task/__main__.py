"""The task: the step's process and the one that watches it."""

from __future__ import annotations

import os
import sys

from .events import note_events
from .flow_file import in_child, run_flow
from .metaflow_compat import (
    allow_attempt,
    call_exit_hook,
    disable_step_decorator,
    drop_sidecar,
    read_shared_memory,
    register_step_decorator,
    replace_worker_command,
)
from .parallel import worker_command
from .recorder import TaskRecorder, outcome
from .variables import (
    GIVEN,
    drop_start_variables,
    input_paths,
    is_control,
    parameters,
    step_arguments,
    tag_arguments,
    top_arguments,
    value_arguments,
    write_result,
)
from .watch import end_with_parent, fork_watched, say_finished, watch, watch_worker


def main(argv: list[str] | None = None) -> int:
    """Runs the task that the environment describes. Returns the exit code."""
    flow_file = (argv if argv is not None else sys.argv[1:])[0]
    hook = GIVEN.get("MFDEPLOY_HOOK")
    if hook:
        drop_start_variables()
        call_exit_hook(flow_file, hook, f"{GIVEN['METAFLOW_FLOW_NAME']}/{GIVEN['METAFLOW_RUN_ID']}")
        return 0
    # Metaflow's own commands, which capture logs around a step, would be six more processes that import Metaflow.
    watched = fork_watched()
    if watched is not None:
        return watch(*watched)
    drop_start_variables()
    if "METAFLOW_KUBERNETES_WORKLOAD" in os.environ:
        # What `@kubernetes` starts to upload logs now and then: the watching process does.
        drop_sidecar("save_logs_periodically")
        read_shared_memory()
    else:
        disable_step_decorator("kubernetes")
    return _run_task(flow_file)


def run_worker(flow_file: str, parent: int) -> int:
    """Runs a worker of a `@parallel` step, whose control task is the process `parent`. Returns the exit code."""
    end_with_parent(parent)
    this = os.getpid()
    child = os.fork()
    if child:
        return watch_worker(child, f"worker {GIVEN['MFDEPLOY_PARALLEL']} of step {GIVEN['METAFLOW_STEP_NAME']}")
    end_with_parent(this)
    drop_start_variables()
    disable_step_decorator("kubernetes")
    return _run_task(flow_file)


def _run_task(flow_file: str) -> int:
    register_step_decorator(TaskRecorder)
    if is_control():
        replace_worker_command(worker_command)
    if GIVEN.get("MFDEPLOY_EVENTS"):
        note_events()
    allow_attempt(int(GIVEN["METAFLOW_RETRY_COUNT"]))
    inputs = input_paths()
    if not inputs:
        inputs, code = _parameters_task(flow_file)
        if code:
            return code
    code = run_flow(flow_file, step_arguments(inputs), hidden=(TaskRecorder.option,))
    if code or not outcome.finished:
        return code
    if outcome.problem:
        sys.stderr.write(f"{outcome.problem}\n")
        return 1
    if outcome.result:
        write_result(outcome.result)
    say_finished()
    return 0


def _parameters_task(flow_file: str) -> tuple[str, int]:
    """Creates the run's `_parameters` task unless an earlier attempt did. Returns its path and an exit code."""
    run, task = GIVEN["METAFLOW_RUN_ID"], f"{GIVEN['METAFLOW_TASK_ID']}-params"
    path = f"{run}/_parameters/{task}"
    if int(GIVEN["METAFLOW_RETRY_COUNT"]) > 0:
        dump = [*top_arguments(), "dump", "--max-value-size=0", path]
        if in_child(lambda: run_flow(flow_file, dump), quiet=True) == 0:
            return path, 0
    values = parameters()
    init = [*top_arguments(), "init", f"--run-id={run}", f"--task-id={task}", *tag_arguments()]
    return path, in_child(lambda: run_flow(flow_file, init, lambda flow: value_arguments(flow, values)))


if __name__ == "__main__":
    sys.exit(main())
