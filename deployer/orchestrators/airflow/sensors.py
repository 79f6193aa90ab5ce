"""Sensors before the start step: the arguments of Airflow's operators, and why Airflow would refuse them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from deployer.models.deployment import Deployment
from deployer.models.flow import Flow, Sensor, SensorKind
from deployer.orchestrators.airflow.literals import Source, duration, literal
from deployer.orchestrators.airflow.names import MAX_LENGTH, followed, is_valid, is_valid_pool

OPERATORS: Mapping[SensorKind, str] = {"external_task": "ExternalTaskSensor", "s3_key": "S3KeySensor"}
# The limit of every task; a sensor that waits longer needs a longer one.
_EXECUTION_TIMEOUT = timedelta(days=5)
_MARGIN = timedelta(minutes=5)
# The states that both Airflow 2.10 and 3.x have.
_RUN_STATES = ("queued", "running", "success", "failed")
_TASK_STATES = (
    *("removed", "scheduled", *_RUN_STATES, "restarting", "up_for_retry"),
    *("up_for_reschedule", "upstream_failed", "skipped", "deferred"),
)
# The arguments that Airflow renders with Jinja, according to its documentation.
TEMPLATES = ("external_dag_id", "external_task_ids", "bucket_key", "bucket_name")
# A predicate, and what to write in its words.
ArgumentType = tuple[Callable[[object], bool], str]


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < float("inf")


def _is_nonempty_string(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _are_nonempty_strings(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(_is_nonempty_string(item) for item in value)


_NUMBER: ArgumentType = (_is_number, "a number of seconds that is not negative")
_FLAG: ArgumentType = (lambda value: isinstance(value, bool), "True or False")
_STRING: ArgumentType = (_is_nonempty_string, "a string")
_STRINGS: ArgumentType = (_are_nonempty_strings, "a list of strings")
_STRING_OR_STRINGS: ArgumentType = (
    lambda value: _is_nonempty_string(value) or _are_nonempty_strings(value),
    "a string or a list of strings",
)
_POOL: ArgumentType = (
    lambda value: isinstance(value, str) and is_valid_pool(value),
    f"the name of a pool: letters, digits, '_', '.' and '-', at most {MAX_LENGTH} characters",
)
_MODE: ArgumentType = (lambda value: value in ("poke", "reschedule"), "'poke' or 'reschedule'")
_DELTA: ArgumentType = (lambda value: isinstance(value, (int, float)), "a timedelta")
_VERIFY: ArgumentType = (
    lambda value: isinstance(value, bool) or _is_nonempty_string(value),
    "True, False or the path of a CA bundle",
)
_COMMON: Mapping[str, ArgumentType] = {
    "timeout": _NUMBER,
    "poke_interval": _NUMBER,
    "mode": _MODE,
    "exponential_backoff": _FLAG,
    "pool": _POOL,
    "soft_fail": _FLAG,
    "description": (lambda value: isinstance(value, str), "a string"),
}
ARGUMENTS: Mapping[SensorKind, Mapping[str, ArgumentType]] = {
    "external_task": {
        "external_dag_id": _STRING,
        "external_task_ids": _STRINGS,
        "allowed_states": _STRINGS,
        "failed_states": _STRINGS,
        "execution_delta": _DELTA,
        "check_existence": _FLAG,
        **_COMMON,
    },
    "s3_key": {
        "bucket_key": _STRING_OR_STRINGS,
        "bucket_name": _STRING,
        "wildcard_match": _FLAG,
        "aws_conn_id": _STRING,
        "verify": _VERIFY,
        **_COMMON,
    },
}


def call_arguments(sensor: Sensor, indent: int = 8) -> dict[str, Source]:
    """The keyword arguments of the operator. The sensor must have passed `problems`."""
    found = {"task_id": literal(sensor.name)}
    for name in ARGUMENTS[sensor.kind]:
        value = sensor.arguments.get(name)
        if value is None:
            continue
        if name == "execution_delta":
            found[name] = duration(timedelta(seconds=value))
        else:
            found["doc_md" if name == "description" else name] = literal(value, indent)
    waits = timedelta(seconds=sensor.arguments.get("timeout", 0)) + _MARGIN
    if waits > _EXECUTION_TIMEOUT:
        found["execution_timeout"] = duration(waits)
    # A deferrable sensor, which Airflow's configuration can make the default, handles timeout and states differently.
    found["deferrable"] = literal(False)
    return found


def in_branch(deployment: Deployment, flow: Flow) -> Flow:
    """The flow with sensors that wait for the DAGs of the deployment's branch."""
    if not flow.sensors:
        return flow
    return replace(flow, sensors=tuple(_in_branch(deployment, sensor) for sensor in flow.sensors))


def _in_branch(deployment: Deployment, sensor: Sensor) -> Sensor:
    named = sensor.arguments.get("external_dag_id")
    if not isinstance(named, str):
        return sensor
    return replace(sensor, arguments={**sensor.arguments, "external_dag_id": followed(deployment, named)})


def problems(flow: Flow, dag_id: str, task_ids: Sequence[str]) -> Iterator[tuple[Sensor, str, str]]:
    """Why Airflow would refuse a sensor or never end it: (sensor, problem, hint). `task_ids` are those of steps."""
    taken = set(task_ids)
    for sensor in flow.sensors:
        if not is_valid(sensor.name):
            hint = f"use letters, digits, '_', '.' and '-', at most {MAX_LENGTH} characters"
            yield sensor, f"has the name {sensor.name!r}, which is not a valid task id", hint
        elif sensor.name in taken:
            yield sensor, f"has the name {sensor.name!r}, which another task of the DAG has", "give it another name"
        taken.add(sensor.name)
        wrong = list(_argument_problems(sensor))
        for what, hint in wrong or _semantic_problems(sensor, dag_id):
            yield sensor, what, hint


def _argument_problems(sensor: Sensor) -> Iterator[tuple[str, str]]:
    known = ARGUMENTS[sensor.kind]
    for name, value in sensor.arguments.items():
        if name not in known:
            yield f"has the argument {name!r}, which mfdeploy does not support", "remove it"
        elif value is not None and not known[name][0](value):
            yield f"has {name}={value!r}", f"write {known[name][1]}"
        elif name in TEMPLATES and value is not None:
            yield from _template_problems(name, value)


def _template_problems(name: str, value: str | list[str]) -> Iterator[tuple[str, str]]:
    import jinja2  # for the few flows that have sensors

    for text in [value] if isinstance(value, str) else value:
        try:
            # Only parsed: nothing is rendered, so nothing has to be escaped.
            jinja2.Environment().parse(text)  # noqa: S701
        except jinja2.TemplateSyntaxError as error:
            yield (
                f"has {name}={text!r}, which is not a valid template: {error.message}",
                "Airflow renders it with Jinja",
            )


def _semantic_problems(sensor: Sensor, dag_id: str) -> Iterator[tuple[str, str]]:
    yield from _state_problems(sensor.arguments) if sensor.kind == "external_task" else _key_problems(sensor.arguments)
    if sensor.arguments.get("external_dag_id") == dag_id and not sensor.arguments.get("execution_delta"):
        yield f"waits for its own DAG run (of {dag_id!r})", "give execution_delta to wait for an earlier run"


def _state_problems(arguments: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    of_tasks = bool(arguments.get("external_task_ids"))
    known, what = (_TASK_STATES, "tasks") if of_tasks else (_RUN_STATES, "DAG runs")
    states = [*arguments.get("allowed_states", ()), *arguments.get("failed_states", ())]
    for state in sorted(set(states) - set(known)):
        yield f"has the state {state!r}, which {what} never have", f"use one of {', '.join(known)}"
    if len(set(states)) < len(states):
        twice = sorted({state for state in states if states.count(state) > 1})
        yield f"lists {', '.join(twice)} twice in allowed_states and failed_states", "list each state once"


def _key_problems(arguments: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    keys = arguments.get("bucket_key", [])
    for key in [keys] if isinstance(keys, str) else keys:
        is_url = key.startswith("s3://")
        if is_url and "bucket_name" in arguments:
            yield f"has the URL {key!r} and also a bucket_name", "remove bucket_name"
        elif not is_url and "bucket_name" not in arguments and not key.startswith("{"):
            yield f"has the key {key!r} but no bucket", "write s3://bucket/key, or give bucket_name"
