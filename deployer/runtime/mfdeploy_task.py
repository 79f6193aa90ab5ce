"""Runs one task of a deployed flow: ``python -m mfdeploy_task FLOW_FILE`` inside a pod or a worker process.

This file travels in every code package, beside Metaflow. It imports Metaflow and the standard library only, takes
everything from environment variables and ends with the exit code of the step.

The bash script of a task (``Package.scripts``, the same text for every step) starts it. The script and this module
together read these variables, all of them strings:

==================================  ==================================================================================
From ``Flow.environment``           METAFLOW_FLOW_NAME, METAFLOW_OWNER, METAFLOW_USER, USER, METAFLOW_RUNTIME_NAME,
                                    METAFLOW_DEFAULT_DATASTORE, METAFLOW_DEFAULT_METADATA, METAFLOW_VERSION, ...
From ``Package.environment``        METAFLOW_CODE_METADATA, METAFLOW_CODE_SHA, METAFLOW_CODE_URL, METAFLOW_CODE_DS and
                                    (local datastore) METAFLOW_DATASTORE_SYSROOT_LOCAL
From ``Step.environment``           what ``@environment`` says
METAFLOW_STEP_NAME                  the step's name
METAFLOW_TASK_OPTIONS               JSON list: ``Step.options``
METAFLOW_RUN_ID                     ``airflow-<12 hex digits>``
METAFLOW_TASK_ID                    the task's id, without slashes, commas, colons or spaces
METAFLOW_RETRY_COUNT                0 for the first attempt (Airflow's try number less 1). May be more than Metaflow
                                    counts to (MAX_ATTEMPTS): a task that is cleared often goes on counting
METAFLOW_MAX_USER_CODE_RETRIES      ``Step.retries.times``; attempts beyond it do not run the step's code but only let
                                    ``@catch`` record the failure. After a task was cleared Airflow's try number goes
                                    on, so give ``max_tries - Step.retries.fallback`` of the task instance
METAFLOW_INPUT_PATHS                ``run/step/task`` of each task before this one, separated by commas (or as
                                    ``run/step/:task,task``). Not set, or empty, for the start step
METAFLOW_JOINED_ITEMS               in place of METAFLOW_INPUT_PATHS, for a step that joins a whole foreach, of which
                                    100,000 paths would be more than a process can be given: JSON ``{"dag_id",
                                    "steps", "index", "items"}``, the steps before this one, the index path of what
                                    holds the foreach ("" where nothing does) and the number of its items
METAFLOW_SPLIT_INDEX                the index within the foreach, for steps right after a foreach step; else not set or
                                    empty
METAFLOW_PARAMETERS                 start step: JSON object of parameter values by name, default ``{}``. A parameter
                                    that is null or absent keeps the flow's own default; a deploy-time default is known
                                    to Airflow alone and must be given. A JSONType's value is its decoded document; a
                                    list is joined by the parameter's separator
METAFLOW_TAGS                       JSON list of tags, default ``[]``
METAFLOW_TASK_NAMESPACE             optional: Metaflow's namespace for the task (``step --namespace``)
METAFLOW_PRODUCTION_TOKEN           optional: read by Metaflow itself, which tags runs with ``production:<token>``
NAME_0, NAME_1, ...                 the pieces of METAFLOW_INPUT_PATHS or METAFLOW_PARAMETERS where it is longer than
                                    one variable may be
METAFLOW_AIRFLOW_DAG_RUN_ID         Airflow's run id, becomes task metadata ``airflow-dag-run-id``
METAFLOW_AIRFLOW_JOB_ID             Airflow's job id, becomes task metadata ``airflow-job-id``
MFDEPLOY_RESULT_FILE                where a foreach step writes ``{"splits": N}`` and a switch ``{"next": "step"}``,
                                    after it succeeded; other steps write nothing. Folders are made. With kubernetes
                                    ``/airflow/xcom/return.json``
MFDEPLOY_PYTHON                     local compute only: the interpreter (manifest ``python:``, or the worker's own). The
                                    script is run with ``bash -c`` in a fresh, empty folder
METAFLOW_KUBERNETES_POD_NAME, ...   kubernetes only, from the downward API, as Metaflow's own schedulers set them:
                                    also METAFLOW_KUBERNETES_POD_NAMESPACE, METAFLOW_KUBERNETES_POD_ID,
                                    METAFLOW_KUBERNETES_SERVICE_ACCOUNT_NAME, METAFLOW_KUBERNETES_NODE_IP
METAFLOW_SERVICE_AUTH_KEY, ...      credentials: from Kubernetes secrets or the worker's environment
==================================  ==================================================================================
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import io
import json
import os
import signal
import sys
import threading
import time
import traceback
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from metaflow import decorators, metaflow_config, plugins, task
from metaflow.datastore.task_datastore import TaskDataStore
from metaflow.decorators import StepDecorator
from metaflow.flowspec import FlowSpec
from metaflow.metadata_provider import MetaDatum
from metaflow.mflog import TASK_LOG_SOURCE, mflog, update_delay
from metaflow.mflog.save_logs import save_logs
from metaflow.parameters import JSONTypeClass
from metaflow.tuple_util import ForeachFrame
from metaflow.user_decorators.user_step_decorator import UserStepDecoratorMeta

# As many attempts of a task as readers look for, of whom most do not know of this module.
_ATTEMPTS = metaflow_config.MAX_ATTEMPTS
# What the step said about its successors; written for Airflow once the step is known to have succeeded.
_outcome: dict[str, Any] = {}


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
            _outcome["splits"] = flow._foreach_num_splits
        elif kind == "split-switch":
            _outcome["next"] = flow._transition[0][0]


def main(argv: list[str] | None = None) -> int:
    """Runs the task that the environment describes. Returns the exit code."""
    flow_file = (argv if argv is not None else sys.argv[1:])[0]
    # Metaflow's own commands, which capture logs around a step, would be six more processes that import Metaflow.
    watched = _fork_watched()
    if watched is not None:
        return _watch(*watched)
    if "METAFLOW_KUBERNETES_WORKLOAD" in os.environ:
        # What `@kubernetes` starts to upload logs now and then: the watching process does.
        plugins.SIDECARS.pop("save_logs_periodically", None)
    else:
        _make_inert("kubernetes")
    return _run_task(flow_file)


def _run_task(flow_file: str) -> int:
    _register(TaskRecorder)
    _allow_attempt(int(os.environ["METAFLOW_RETRY_COUNT"]))
    inputs = _input_paths()
    if not inputs:
        inputs, code = _parameters_task(flow_file)
        if code:
            return code
    code = _run_flow(flow_file, lambda flow: _step_arguments(inputs))
    if code == 0 and _outcome:
        _write_result(_outcome)
    return code


def _input_paths() -> str:
    """``run/step/task`` of each task before this one, separated by commas; empty for the start step."""
    joined = json.loads(os.environ.get("METAFLOW_JOINED_ITEMS") or "null")
    if not joined:
        return _long_text("METAFLOW_INPUT_PATHS")
    above = f"{joined['index']}." if joined["index"] else ""
    run, dag_run = os.environ["METAFLOW_RUN_ID"], os.environ["METAFLOW_AIRFLOW_DAG_RUN_ID"]
    return ",".join(
        f"{run}/{step}/{_task_id(dag_run, step, joined['dag_id'], f'{above}{item}')}"
        for item in range(joined["items"])
        for step in joined["steps"]
    )


def _task_id(*parts: str) -> str:
    """As the DAG file makes ids of tasks: ``metaflow_id`` there."""
    return f"airflow-{hashlib.sha256('-'.join(parts).encode()).hexdigest()[:12]}"


def _long_text(name: str) -> str:
    """A variable that may come in pieces (NAME_0, NAME_1, ...), since the kernel limits the size of one."""
    pieces: list[str] = []
    while (piece := os.environ.get(f"{name}_{len(pieces)}")) is not None:
        pieces.append(piece)
    return os.environ.get(name) or "".join(pieces)


def _allow_attempt(attempt: int) -> None:
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


def _fork_watched() -> tuple[int, list[int]] | None:
    """Goes on in a child whose output is piped. The parent gets its process id and its output; the child None."""
    pipes = [os.pipe(), os.pipe()]
    child = os.fork()
    if child == 0:
        for stream, (_, writer) in enumerate(pipes, start=1):
            os.dup2(writer, stream)
    for _, writer in pipes:
        os.close(writer)
    if child:
        return child, [reader for reader, _ in pipes]
    for reader, _ in pipes:
        os.close(reader)
    return None


def _watch(child: int, outputs: list[int]) -> int:
    """Passes a child's output on, keeps it as Metaflow's task logs, and returns the exit code."""
    signal.signal(signal.SIGTERM, lambda number, frame: os.kill(child, number))
    if "METAFLOW_KUBERNETES_WORKLOAD" not in os.environ:
        _end_with_parent()
    files = (os.environ["MFLOG_STDOUT"], os.environ["MFLOG_STDERR"])
    streams = (sys.stdout.buffer, sys.stderr.buffer)
    readers = [
        threading.Thread(target=_tee, args=arguments, daemon=True)
        for arguments in zip(outputs, files, streams)  # noqa: B905 - an image's Python may be older than `strict`
    ]
    ended = threading.Event()
    keeper = threading.Thread(target=_keep_logs, args=(files, ended), daemon=True)
    for thread in (*readers, keeper):
        thread.start()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    for reader in readers:
        # A process that the step left behind may hold its output open.
        reader.join(timeout=5)
    ended.set()
    keeper.join()
    return code if code >= 0 else 128 - code


def _end_with_parent() -> None:
    """Asks for SIGTERM when Airflow's process for the task is killed: the step must not go on beside its next attempt.

    Only Linux knows such a thing.
    """
    if sys.platform == "linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGTERM, 0, 0, 0)


def _keep_logs(files: tuple[str, str], ended: threading.Event) -> None:
    """Uploads the logs while they grow, as often as Metaflow's own sidecar does, and once more at the end.

    A pod may be killed as a whole, at any time: what it said until then is kept.
    """
    began, saved = time.monotonic(), [0, 0]
    while not ended.is_set():
        sizes = [Path(file).stat().st_size if Path(file).exists() else 0 for file in files]
        if sizes != saved:
            saved = sizes
            _save_logs()
        ended.wait(update_delay(time.monotonic() - began))
    _save_logs()


def _save_logs() -> None:
    try:
        # What it says when all is well is not for the task's log.
        with contextlib.redirect_stdout(io.StringIO()):
            save_logs()
    except Exception:
        # The step's result does not depend on its logs.
        traceback.print_exc()


def _tee(output: int, file: str, stream: Any) -> None:
    with open(output, "rb") as lines, Path(file).open("ab", buffering=0) as kept:
        for line in lines:
            kept.write(mflog.decorate(TASK_LOG_SOURCE.encode(), line))
            stream.write(line)
            stream.flush()


def _register(decorator: type) -> None:
    """Makes a step decorator known to ``--with``."""
    plugins.STEP_DECORATORS.append(decorator)
    known = UserStepDecoratorMeta._all_registered_decorators
    if known.inited:
        known.insert(TaskRecorder.name, decorator)


def _make_inert(name: str) -> None:
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


def _parameters_task(flow_file: str) -> tuple[str, int]:
    """Creates the run's `_parameters` task unless an earlier attempt did. Returns its path and an exit code."""
    run, task = os.environ["METAFLOW_RUN_ID"], f"{os.environ['METAFLOW_TASK_ID']}-params"
    path = f"{run}/_parameters/{task}"
    if int(os.environ["METAFLOW_RETRY_COUNT"]) > 0:
        dump = [*_top_arguments(), "dump", "--max-value-size=0", path]
        if _in_child(lambda: _run_flow(flow_file, lambda flow: dump), quiet=True) == 0:
            return path, 0
    values = json.loads(_long_text("METAFLOW_PARAMETERS") or "{}")

    def init(flow: type) -> list[str]:
        command = [*_top_arguments(), "init", f"--run-id={run}", f"--task-id={task}"]
        return [*command, *_tag_arguments(), *_value_arguments(flow, values)]

    return path, _in_child(lambda: _run_flow(flow_file, init))


def _value_arguments(flow: Any, values: Mapping[str, Any]) -> list[str]:
    """``--name=value`` for each value. Nothing is quoted or limited in length: no shell and no exec sees it."""
    parameters = {parameter.name: parameter for _, parameter in flow._get_parameters()}
    arguments = []
    for name, value in values.items():
        if name not in parameters:
            raise SystemExit(f"METAFLOW_PARAMETERS: the flow {flow.__name__} has no parameter {name!r}")
        text = _value_text(parameters[name], value)
        if text is not None:
            arguments.append(f"--{name}={text}")
    return arguments


def _value_text(parameter: Any, value: Any) -> str | None:
    """A parameter's value as its command-line option takes it; None to leave the flow's default alone."""
    given = {**parameter.kwargs, **{k: v for k, v in parameter._override_kwargs.items() if v is not None}}
    if value is None:
        return None
    if isinstance(given.get("type"), JSONTypeClass):
        return json.dumps(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and given.get("separator"):
        return str(given["separator"]).join(str(item) for item in value)
    return value if isinstance(value, str) else json.dumps(value)


def _step_arguments(inputs: str) -> list[str]:
    variables = os.environ
    arguments = [
        *_top_arguments(),
        "step",
        variables["METAFLOW_STEP_NAME"],
        f"--run-id={variables['METAFLOW_RUN_ID']}",
        f"--task-id={variables['METAFLOW_TASK_ID']}",
        f"--retry-count={variables['METAFLOW_RETRY_COUNT']}",
        f"--max-user-code-retries={variables['METAFLOW_MAX_USER_CODE_RETRIES']}",
        f"--input-paths={inputs}",
        *_tag_arguments(),
    ]
    if variables.get("METAFLOW_TASK_NAMESPACE"):
        arguments.append(f"--namespace={variables['METAFLOW_TASK_NAMESPACE']}")
    if variables.get("METAFLOW_SPLIT_INDEX"):
        arguments.append(f"--split-index={variables['METAFLOW_SPLIT_INDEX']}")
    return arguments


def _top_arguments() -> list[str]:
    return [
        "--quiet",
        "--no-pylint",
        f"--metadata={os.environ['METAFLOW_DEFAULT_METADATA']}",
        f"--datastore={os.environ['METAFLOW_DEFAULT_DATASTORE']}",
        *json.loads(os.environ.get("METAFLOW_TASK_OPTIONS") or "[]"),
        f"--with={TaskRecorder.name}",
    ]


def _tag_arguments() -> list[str]:
    return [f"--tag={tag}" for tag in json.loads(os.environ.get("METAFLOW_TAGS") or "[]")]


def _run_flow(flow_file: str, arguments: Callable[[type], list[str]]) -> int:
    """Runs the flow's file as ``python flow.py ARGUMENTS`` does. Returns the exit code.

    The flow that METAFLOW_FLOW_NAME names is the one that runs, also where the file holds several or starts none.
    """
    wanted = os.environ["METAFLOW_FLOW_NAME"]
    module = types.ModuleType("__main__")
    module.__file__ = flow_file
    # Metaflow pickles it as a name of the main module.
    module.ForeachFrame = ForeachFrame  # type: ignore[attr-defined]
    sys.modules["__main__"] = module
    started = False
    construct = FlowSpec.__init__

    def start(self: Any, use_cli: bool = True) -> None:
        nonlocal started
        if not use_cli or started or not hasattr(module, wanted):
            construct(self, use_cli and started)
            return
        started = True
        flow = self if type(self).__name__ == wanted else object.__new__(_flow_class(module, wanted))
        sys.argv = [flow_file, *arguments(type(flow))]
        construct(flow, True)

    FlowSpec.__init__ = start
    sys.argv = [flow_file]
    sys.path[0] = str(Path.cwd())
    try:
        exec(compile(Path(flow_file).read_bytes(), flow_file, "exec"), module.__dict__)  # noqa: S102
        if not started:
            getattr(module, wanted)()
    except SystemExit as stop:
        return _exit_code(stop)
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        FlowSpec.__init__ = construct
    return 0


def _flow_class(module: types.ModuleType, name: str) -> Any:
    """A flow of the file. Under a mutator that is written without brackets the name is the mutator's, which has it."""
    found = getattr(module, name)
    return getattr(found, "_flow_cls", None) or found


def _exit_code(stop: SystemExit) -> int:
    if stop.code is None or isinstance(stop.code, int):
        return stop.code or 0
    sys.stderr.write(f"{stop.code}\n")
    return 1


def _in_child(work: Callable[[], int], quiet: bool = False) -> int:
    """Runs `work` in a forked process, which has Metaflow imported already and leaves this one as it was."""
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            if quiet:
                silence = os.open(os.devnull, os.O_WRONLY)
                os.dup2(silence, 1)
                os.dup2(silence, 2)
            code = work()
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _write_result(result: Mapping[str, Any]) -> None:
    target = os.environ.get("MFDEPLOY_RESULT_FILE")
    if not target:
        return
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    Path(target).write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
