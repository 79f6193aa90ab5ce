"""What the environment of a task says, as the arguments that Metaflow's own commands take."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .metaflow_compat import is_json_type, parameters_of
from .recorder import TaskRecorder


def input_paths() -> str:
    """``run/step/task`` of each task before this one, separated by commas; empty for the start step."""
    joined = json.loads(os.environ.get("METAFLOW_JOINED_ITEMS") or "null")
    if not joined:
        return long_text("METAFLOW_INPUT_PATHS")
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


def long_text(name: str) -> str:
    """A variable that may come in pieces (NAME_0, NAME_1, ...), since the kernel limits the size of one."""
    pieces: list[str] = []
    while (piece := os.environ.get(f"{name}_{len(pieces)}")) is not None:
        pieces.append(piece)
    return os.environ.get(name) or "".join(pieces)


def step_arguments(inputs: str) -> list[str]:
    """Of ``flow.py``, to run the step."""
    variables = os.environ
    arguments = [
        *top_arguments(),
        "step",
        variables["METAFLOW_STEP_NAME"],
        f"--run-id={variables['METAFLOW_RUN_ID']}",
        f"--task-id={variables['METAFLOW_TASK_ID']}",
        f"--retry-count={variables['METAFLOW_RETRY_COUNT']}",
        f"--max-user-code-retries={variables['METAFLOW_MAX_USER_CODE_RETRIES']}",
        f"--input-paths={inputs}",
        *tag_arguments(),
    ]
    if variables.get("METAFLOW_TASK_NAMESPACE"):
        arguments.append(f"--namespace={variables['METAFLOW_TASK_NAMESPACE']}")
    if variables.get("METAFLOW_SPLIT_INDEX"):
        arguments.append(f"--split-index={variables['METAFLOW_SPLIT_INDEX']}")
    return arguments


def top_arguments() -> list[str]:
    """Those before the name of any command."""
    return [
        "--quiet",
        "--no-pylint",
        f"--metadata={os.environ['METAFLOW_DEFAULT_METADATA']}",
        f"--datastore={os.environ['METAFLOW_DEFAULT_DATASTORE']}",
        *json.loads(os.environ.get("METAFLOW_TASK_OPTIONS") or "[]"),
        f"--with={TaskRecorder.name}",
    ]


def tag_arguments() -> list[str]:
    """``--tag=tag`` for each tag of the run."""
    return [f"--tag={tag}" for tag in json.loads(os.environ.get("METAFLOW_TAGS") or "[]")]


def value_arguments(flow: Any, values: Mapping[str, Any]) -> list[str]:
    """``--name=value`` for each value. Nothing is quoted or limited in length: no shell and no exec sees it."""
    parameters = {parameter.name: parameter for _, parameter in parameters_of(flow)}
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
    if value is None:
        return None
    if is_json_type(parameter.kwargs["type"]):
        return json.dumps(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and parameter.separator:
        return str(parameter.separator).join(str(item) for item in value)
    return value if isinstance(value, str) else json.dumps(value)


def write_result(result: Mapping[str, Any]) -> None:
    """Writes what Airflow is to know of the step, where it asked for that."""
    target = os.environ.get("MFDEPLOY_RESULT_FILE")
    if not target:
        return
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    Path(target).write_text(json.dumps(result), encoding="utf-8")
