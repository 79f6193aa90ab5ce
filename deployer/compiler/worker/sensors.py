"""What the runs of a flow wait for before they start: Metaflow's decorators for sensors of Airflow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..protocol import Problem, SensorData, SensorKind
from .decorate import plain
from .metaflow_compat import flow_decorators, is_sensor, sensor_task_name
from .problems import FlowError
from .source import Location, Source

# The decorator's name -> the kind of `deployer.models.flow.Sensor`.
KINDS: dict[str, SensorKind] = {"airflow_external_task_sensor": "external_task", "airflow_s3_key_sensor": "s3_key"}
# A single string stands for a list of one; Airflow would iterate over its letters.
_LISTS = ("external_task_ids", "allowed_states", "failed_states")


def check_sensors(flow: Any, source: Source) -> Iterator[Problem]:
    """Problems of arguments that Metaflow would silently replace when it validates the decorator."""
    for name, decorator, location in _sensors(flow, source):
        states = decorator.attributes.get("allowed_states")
        if isinstance(states, (tuple, set, frozenset, dict)):
            message = f"@{name}: allowed_states is a {type(states).__name__}, which Metaflow replaces with ['success']"
            yield Problem("bad-sensor", message, *location, hint="write a list")


def describe_sensors(flow: Any, source: Source) -> list[SensorData]:
    """Each sensor in the form of `deployer.models.flow.Sensor`, by the name of its task. Raises FlowError."""
    found: list[SensorData] = []
    for name, decorator, (file, line) in _sensors(flow, source):
        if name not in KINDS:
            hint = f"supported are {' and '.join(f'@{known}' for known in KINDS)}"
            raise FlowError(Problem("unsupported", f"the sensor @{name} is not supported", file, line, hint))
        given = {key: value for key, value in decorator.attributes.items() if value is not None and key != "name"}
        arguments = {
            key: plain([value] if key in _LISTS and isinstance(value, str) else value) for key, value in given.items()
        }
        found.append({"name": sensor_task_name(decorator), "kind": KINDS[name], "line": line, "arguments": arguments})
    return sorted(found, key=lambda sensor: sensor["name"])


def _sensors(flow: Any, source: Source) -> Iterator[tuple[str, Any, Location]]:
    for name, decorators in flow_decorators(flow).items():
        for decorator in decorators:
            if is_sensor(decorator):
                yield name, decorator, source.flow_decorator(decorator, decorators)
