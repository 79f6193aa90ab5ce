"""Sensors before the start step: which arguments Airflow's operators get, and what they would not take."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from deployer.models.flow import Flow, Sensor, SensorKind
from deployer.orchestrators.airflow.literals import Source, duration, literal
from deployer.orchestrators.airflow.names import MAX_LENGTH, is_valid

OPERATORS: Mapping[SensorKind, str] = {"external_task": "ExternalTaskSensor", "s3_key": "S3KeySensor"}
# As of every task of ours: longer waits need a longer limit.
_EXECUTION_TIMEOUT = timedelta(days=5)
_MARGIN = timedelta(minutes=5)
# Airflow's states that 2.10 and 3.x both know.
_RUN_STATES = ("queued", "running", "success", "failed")
_TASK_STATES = (
    *("removed", "scheduled", *_RUN_STATES, "restarting", "up_for_retry"),
    *("up_for_reschedule", "upstream_failed", "skipped", "deferred"),
)
# What Airflow reads as a Jinja template, by its own documentation.
TEMPLATES = ("external_dag_id", "external_task_ids", "bucket_key", "bucket_name")
Kind = tuple[Callable[[Any], bool], str]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < float("inf")


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(_is_text(item) for item in value)


_NUMBER: Kind = (_is_number, "a number of seconds that is not negative")
_FLAG: Kind = (lambda value: isinstance(value, bool), "True or False")
_TEXT: Kind = (_is_text, "a text")
_TEXTS: Kind = (_are_texts, "a list of texts")
_OR_TEXTS: Kind = (lambda value: _is_text(value) or _are_texts(value), "a text or a list of texts")
_MODE: Kind = (lambda value: value in ("poke", "reschedule"), "'poke' or 'reschedule'")
_DELTA: Kind = (lambda value: isinstance(value, (int, float)), "a timedelta")
_VERIFY: Kind = (lambda value: isinstance(value, bool) or _is_text(value), "True, False or the path of a bundle")
_COMMON: Mapping[str, Kind] = {
    "timeout": _NUMBER,
    "poke_interval": _NUMBER,
    "mode": _MODE,
    "exponential_backoff": _FLAG,
    "pool": _TEXT,
    "soft_fail": _FLAG,
    "description": (lambda value: isinstance(value, str), "a text"),
}
ARGUMENTS: Mapping[SensorKind, Mapping[str, Kind]] = {
    "external_task": {
        "external_dag_id": _TEXT,
        "external_task_ids": _TEXTS,
        "allowed_states": _TEXTS,
        "failed_states": _TEXTS,
        "execution_delta": _DELTA,
        "check_existence": _FLAG,
        **_COMMON,
    },
    "s3_key": {
        "bucket_key": _OR_TEXTS,
        "bucket_name": _TEXT,
        "wildcard_match": _FLAG,
        "aws_conn_id": _TEXT,
        "verify": _VERIFY,
        **_COMMON,
    },
}


def call_arguments(sensor: Sensor, indent: int = 8) -> dict[str, Source]:
    """The keyword arguments of the operator. The sensor must have no `problems`."""
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
    # What the flow says of timeout and states holds only so, whatever Airflow's own configuration is.
    found["deferrable"] = literal(False)
    return found


def problems(flow: Flow, dag_id: str, task_ids: Sequence[str]) -> Iterator[tuple[Sensor, str, str]]:
    """Why Airflow would not take, or never end, a sensor: (sensor, what, what to do). `task_ids` are taken."""
    taken = set(task_ids)
    for sensor in flow.sensors:
        if not is_valid(sensor.name):
            what = f"has the name {sensor.name!r}, which is no task id: letters, digits, '_', '.' and '-', {MAX_LENGTH}"
            yield sensor, what, "give it another name"
        elif sensor.name in taken:
            yield sensor, f"has the name {sensor.name!r}, as another task of the DAG has", "give it another name"
        taken.add(sensor.name)
        wrong = list(_of_arguments(sensor))
        for what, hint in wrong or _of_meaning(sensor, dag_id):
            yield sensor, what, hint


def _of_arguments(sensor: Sensor) -> Iterator[tuple[str, str]]:
    known = ARGUMENTS[sensor.kind]
    for name, value in sensor.arguments.items():
        if name not in known:
            yield f"has the argument {name!r}, which mfdeploy does not know", "remove it"
        elif value is not None and not known[name][0](value):
            yield f"has {name}={value!r}", f"write {known[name][1]}"
        elif name in TEMPLATES and value is not None:
            yield from _of_templates(name, value)


def _of_templates(name: str, value: str | list[str]) -> Iterator[tuple[str, str]]:
    import jinja2

    for text in [value] if isinstance(value, str) else value:
        try:
            # Only parsed: nothing is rendered, so nothing has to be escaped.
            jinja2.Environment().parse(text)  # noqa: S701
        except jinja2.TemplateSyntaxError as error:
            yield f"has {name}={text!r}, which is no template: {error.message}", "Airflow reads this text with Jinja"


def _of_meaning(sensor: Sensor, dag_id: str) -> Iterator[tuple[str, str]]:
    yield from _of_states(sensor.arguments) if sensor.kind == "external_task" else _of_keys(sensor.arguments)
    if sensor.arguments.get("external_dag_id") == dag_id and not sensor.arguments.get("execution_delta"):
        yield f"waits for the run that it is in, of {dag_id!r}", "give execution_delta to wait for an earlier run"


def _of_states(arguments: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    of_tasks = bool(arguments.get("external_task_ids"))
    known, what = (_TASK_STATES, "tasks") if of_tasks else (_RUN_STATES, "DAG runs")
    states = [*arguments.get("allowed_states", ()), *arguments.get("failed_states", ())]
    for state in sorted(set(states) - set(known)):
        yield f"has the state {state!r}, which {what} never have", f"they have {', '.join(known)}"
    if len(set(states)) < len(states):
        twice = sorted({state for state in states if states.count(state) > 1})
        yield f"names {', '.join(twice)} twice in allowed_states and failed_states", "name each state once"


def _of_keys(arguments: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    keys = arguments.get("bucket_key", [])
    for key in [keys] if isinstance(keys, str) else keys:
        is_url = key.startswith("s3://")
        if is_url and "bucket_name" in arguments:
            yield f"has the URL {key!r} and a bucket_name beside it", "remove bucket_name"
        elif not is_url and "bucket_name" not in arguments and not key.startswith("{"):
            yield f"has the key {key!r} and no bucket", "write s3://bucket/key, or give bucket_name"
