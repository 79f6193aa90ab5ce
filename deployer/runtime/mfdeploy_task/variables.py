"""What the environment of a task says, as the arguments that Metaflow's own commands take.

It is read before any code of the user runs. What is for the start of this task alone is then taken out of the
environment: a flow that the step starts would take it for its own.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .included import included_file
from .metaflow_compat import UBF_CONTROL, UBF_TASK, is_file_type, is_json_type, parameters_of, read_object

# What the process was started with.
GIVEN: Mapping[str, str] = dict(os.environ)
# What the user's code and the processes that it starts are not to see, and those of these that may come in pieces. Who
# the task is (METAFLOW_RUN_ID, METAFLOW_STEP_NAME, ...) and all settings of Metaflow stay.
_ONLY_FOR_THE_START = (
    "METAFLOW_FLOW_CONFIG_VALUE",
    "METAFLOW_JOINED_ITEMS",
    "METAFLOW_MAX_USER_CODE_RETRIES",
    "METAFLOW_SPLIT_INDEX",
    "METAFLOW_TAGS",
    "METAFLOW_TASK_NAMESPACE",
    "METAFLOW_TASK_OPTIONS",
    "MFDEPLOY_HOOK",
    "MFDEPLOY_INCLUDES",
    "MFDEPLOY_PARALLEL",
    "MFDEPLOY_PARAMETERS",
    "MFDEPLOY_PYTHON",
    "MFDEPLOY_RESULT_FILE",
    "MFDEPLOY_SCRIPT",
    "MFDEPLOY_SHOW_ITEMS",
    "MFDEPLOY_TMPFS",
)
_IN_PIECES = ("METAFLOW_INPUT_PATHS", "METAFLOW_PARAMETERS", "MFDEPLOY_TRIGGERS")


def drop_start_variables() -> None:
    """Takes what is for the start alone out of the environment. `GIVEN` keeps it."""
    pieces = [piece for name in _IN_PIECES for piece in _pieces(name)]
    for name in (*_ONLY_FOR_THE_START, *pieces):
        os.environ.pop(name, None)


def _pieces(name: str) -> list[str]:
    """A variable and its pieces (NAME_0, NAME_1, ...), as far as they are there."""
    return [each for each in GIVEN if each == name or (each.startswith(f"{name}_") and each[len(name) + 1 :].isdigit())]


def input_paths() -> str:
    """``run/step/task`` of each task before this one, separated by commas; empty for the start step."""
    joined = json.loads(GIVEN.get("METAFLOW_JOINED_ITEMS") or "null")
    if not joined:
        return long_text("METAFLOW_INPUT_PATHS")
    above = f"{joined['index']}." if joined["index"] else ""
    run, dag_run = GIVEN["METAFLOW_RUN_ID"], GIVEN["METAFLOW_AIRFLOW_DAG_RUN_ID"]
    return ",".join(
        f"{run}/{step}/{_task_id(dag_run, step, joined['dag_id'], f'{above}{item}')}"
        for item in range(joined["items"])
        for step in joined["steps"]
    )


def _task_id(*parts: str) -> str:
    """As the DAG file makes ids of tasks: ``metaflow_id`` there."""
    return f"airflow-{hashlib.sha256('-'.join(parts).encode()).hexdigest()[:12]}"


def long_text(name: str) -> str:
    """A variable that may come in pieces (NAME_0, NAME_1, ...), since the kernel limits the size of one."""
    pieces: list[str] = []
    while (piece := GIVEN.get(f"{name}_{len(pieces)}")) is not None:
        pieces.append(piece)
    return GIVEN.get(name) or "".join(pieces)


def parameters() -> dict[str, Any]:
    """The values of the run's parameters by name: from the variables, from a file, or from an object of a store."""
    where = GIVEN.get("MFDEPLOY_PARAMETERS", "")
    if "://" in where:
        data = read_object(where)
        if data is None:
            raise SystemExit(f"the parameters of the run are not at {where}")
        text = data.decode(errors="surrogatepass")
    elif where:
        text = Path(where).read_bytes().decode(errors="surrogatepass")
    else:
        text = long_text("METAFLOW_PARAMETERS")
    found: dict[str, Any] = json.loads(text or "{}")
    return found


def step_arguments(inputs: str) -> list[str]:
    """Of ``flow.py``, to run the step."""
    arguments = [
        *top_arguments(),
        "step",
        GIVEN["METAFLOW_STEP_NAME"],
        f"--run-id={GIVEN['METAFLOW_RUN_ID']}",
        f"--task-id={GIVEN['METAFLOW_TASK_ID']}",
        f"--retry-count={GIVEN['METAFLOW_RETRY_COUNT']}",
        f"--max-user-code-retries={GIVEN['METAFLOW_MAX_USER_CODE_RETRIES']}",
        f"--input-paths={inputs}",
        *tag_arguments(),
    ]
    if GIVEN.get("METAFLOW_TASK_NAMESPACE"):
        arguments.append(f"--namespace={GIVEN['METAFLOW_TASK_NAMESPACE']}")
    if GIVEN.get("METAFLOW_SPLIT_INDEX"):
        arguments.append(f"--split-index={GIVEN['METAFLOW_SPLIT_INDEX']}")
    if GIVEN.get("MFDEPLOY_PARALLEL"):
        context = UBF_CONTROL if is_control() else UBF_TASK
        arguments += [f"--split-index={GIVEN['MFDEPLOY_PARALLEL']}", f"--ubf-context={context}"]
    return arguments


def is_control() -> bool:
    """Whether this is the task of a `@parallel` step that Airflow started: the others are started by it."""
    return GIVEN.get("MFDEPLOY_PARALLEL") == "0"


def top_arguments() -> list[str]:
    """Those before the name of any command."""
    return [
        "--quiet",
        "--no-pylint",
        f"--metadata={GIVEN['METAFLOW_DEFAULT_METADATA']}",
        f"--datastore={GIVEN['METAFLOW_DEFAULT_DATASTORE']}",
        *json.loads(GIVEN.get("METAFLOW_TASK_OPTIONS") or "[]"),
        *_config_arguments(),
    ]


def _config_arguments() -> Iterator[str]:
    """For each Config, where its value is. Metaflow reads the variable, too, but so do the flows that a step runs."""
    for name, key in json.loads(GIVEN.get("METAFLOW_FLOW_CONFIG_VALUE") or "{}").items():
        yield from ("--config-value", name, key)


def tag_arguments() -> list[str]:
    """``--tag=tag`` for each tag of the run."""
    return [f"--tag={tag}" for tag in json.loads(GIVEN.get("METAFLOW_TAGS") or "[]")]


def value_arguments(flow: Any, values: Mapping[str, Any]) -> list[str]:
    """``--name=value`` for each value. Nothing is quoted or limited in length: no shell and no exec sees it."""
    parameters = {parameter.name: parameter for _, parameter in parameters_of(flow)}
    arguments = []
    for name, value in values.items():
        if name not in parameters:
            raise SystemExit(f"METAFLOW_PARAMETERS: the flow {flow.__name__} has no parameter {name!r}")
        given = parameters[name].kwargs
        if value is None and given.get("required") and given.get("default") is None:
            raise SystemExit(f"the parameter {name!r} of {flow.__name__} needs a value, and the run was given null")
        is_file = is_file_type(given["type"])
        text = _file_text(flow, parameters[name], value) if is_file else _value_text(parameters[name], value)
        if text is not None:
            arguments.append(f"--{name}={text}")
    return arguments


def _file_text(flow: Any, parameter: Any, value: Any) -> str | None:
    rules = json.loads(GIVEN.get("MFDEPLOY_INCLUDES") or "{}")
    try:
        return included_file(parameter, value, rules, GIVEN["METAFLOW_DEFAULT_DATASTORE"])
    except ValueError as error:
        raise SystemExit(f"the parameter {parameter.name!r} of {flow.__name__}: {error}") from None


def _value_text(parameter: Any, value: Any) -> str | None:
    """A parameter's value as its command-line option takes it; None to leave the flow's default alone."""
    if value is None:
        return None
    if is_json_type(parameter.kwargs["type"]):
        return json.dumps(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and parameter.separator:
        return str(parameter.separator).join(str(item) for item in value)
    if isinstance(value, float) and value.is_integer() and parameter.kwargs["type"] is int:
        return str(int(value))  # 7.0 is a whole number in JSON
    return value if isinstance(value, str) else json.dumps(value)


def write_result(result: Mapping[str, Any]) -> None:
    """Writes what Airflow is to know of the step, where it asked for that."""
    target = GIVEN.get("MFDEPLOY_RESULT_FILE")
    if not target:
        return
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    Path(target).write_text(json.dumps(result), encoding="utf-8")
