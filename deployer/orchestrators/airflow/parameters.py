"""Flow parameters as Airflow Params: their types and defaults, and the checks of a manifest's values."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from pydantic import JsonValue

from deployer.errors import Diagnostic, Location, nearest
from deployer.models.deployment import Deployment
from deployer.models.flow import Flow, Package, Parameter, ParameterType
from deployer.models.plain_data import check_plain
from deployer.orchestrators.airflow import events
from deployer.orchestrators.airflow.trigger_form import Schema, note, schema


class Absent(Enum):
    """The type of ABSENT, which stands for a default that does not exist; None is a valid default."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT
MAX_CHARACTERS = 1_000_000  # Linux allows two million bytes for the arguments and environment of a process
_EXPECTED: Mapping[ParameterType, str] = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "json": "a JSON value",
    "file": "text",
}


@dataclass(frozen=True)
class Param:
    """One Param of the DAG: its name and arguments. `default` is ABSENT for a Param that needs a value."""

    name: str
    default: JsonValue | Absent
    schema: Schema
    help: str


def build(deployment: Deployment, flow: Flow, package: Package) -> list[Param]:
    """The DAG's Params, in the flow's order."""
    defaults = {each.name: effective_default(deployment, each, package) for each in flow.parameters}
    for name in events.given_parameters(flow):
        if defaults[name] is ABSENT:
            # Airflow imports no DAG with a Param without a value that starts by itself. The task looks at it.
            defaults[name] = None
    return [_build(parameter, defaults[parameter.name]) for parameter in flow.parameters]


def effective_default(deployment: Deployment, parameter: Parameter, package: Package | None) -> JsonValue | Absent:
    """The manifest's value, else the one evaluated at deploy time, else the code's; ABSENT if there is none."""
    if parameter.name in deployment.parameters:
        value = deployment.parameters[parameter.name]
        if isinstance(value, (list, tuple)) and parameter.separator:
            return parameter.separator.join(str(item) for item in value)
        return value
    if package is not None and (parameter.deploy_time or parameter.name in package.parameters):
        evaluated: JsonValue = package.parameters[parameter.name]
        return evaluated
    default: JsonValue = parameter.default
    return ABSENT if parameter.required else default


def check(deployment: Deployment, flow: Flow, scheduled: bool) -> list[Diagnostic]:
    """Values for unknown parameters or of the wrong type, missing required values, and defaults that cannot be used."""
    known = {parameter.name: parameter for parameter in flow.parameters}
    found = []
    for name, value in deployment.parameters.items():
        if name not in known:
            message = f"the flow {flow.name} has no parameter {name!r}"
            found.append(_diagnose(deployment, name, "unknown-parameter", message, nearest(name, known)))
        elif not _fits(known[name], value):
            message = f"expected {_EXPECTED[known[name].type]}, found {_describe(value)}"
            found.append(_diagnose(deployment, name, "wrong-type", message))
    for parameter in flow.parameters:
        missing = parameter.required and deployment.parameters.get(parameter.name) is None
        waits = flow.triggers and parameter.name not in events.given_parameters(flow)
        if missing and (scheduled or waits or parameter.name in deployment.parameters):
            why = "its event gives it none" if waits and not scheduled else "the flow runs on a schedule"
            message = f"parameter {parameter.name!r} needs a value, because {why}"
            hint = f"add it under parameters, as {parameter.name}: VALUE"
            found.append(_diagnose(deployment, parameter.name, "missing-parameter", message, hint))
    return [*found, *_unusable_defaults(deployment, flow)]


def _unusable_defaults(deployment: Deployment, flow: Flow) -> Iterator[Diagnostic]:
    """Defaults that no DAG file can contain, or that are together too large for a task's environment."""
    defaults = {
        each.name: effective_default(deployment, each, None) for each in flow.parameters if not each.deploy_time
    }
    values = {name: value for name, value in defaults.items() if value is not ABSENT}
    lines = {each.name: each.line for each in flow.parameters}
    for name, value in values.items():
        if name in deployment.parameters:
            continue  # values of a manifest were checked when it was read
        try:
            # Python parses at most 200 nested brackets, and the DAG file itself has some around the value.
            check_plain(value, depth=100)
        except ValueError as error:
            message = f"the default of {name!r} is not valid in a DAG file: {error}"
            found = _diagnose(deployment, name, "bad-value", message)
            yield replace(found, location=Location(deployment.file.resolved, lines[name]))
    sizes = {name: len(json.dumps(value)) for name, value in values.items()}
    if sum(sizes.values()) > MAX_CHARACTERS:
        name = max(sizes, key=lambda each: sizes[each])
        message = f"the defaults have {sum(sizes.values()):,} characters, at most {MAX_CHARACTERS:,} are allowed"
        yield _diagnose(deployment, name, "too-large", message, "read this value from a file, or use IncludeFile")


def _diagnose(deployment: Deployment, name: str, code: str, message: str, hint: str = "") -> Diagnostic:
    setting = f"parameters.{name}"
    location = deployment.sources.get(setting, deployment.source("parameters"))
    return Diagnostic(code, message, location, f"flows.{deployment.name}.{setting}", hint)


def _fits(parameter: Parameter, value: JsonValue) -> bool:
    if value is None:
        return True  # a missing value is reported separately
    if parameter.separator and isinstance(value, (list, tuple)):
        return all(isinstance(item, (str, int, float)) and not isinstance(item, bool) for item in value)
    fits: Mapping[ParameterType, Callable[[JsonValue], bool]] = {
        "string": lambda item: isinstance(item, str),
        "file": lambda item: isinstance(item, str),
        "boolean": lambda item: isinstance(item, bool),
        "integer": lambda item: isinstance(item, int) and not isinstance(item, bool),
        "number": lambda item: isinstance(item, (int, float)) and not isinstance(item, bool) and math.isfinite(item),
        "json": lambda item: True,
    }
    return fits[parameter.type](value)


def _describe(value: object) -> str:
    kinds = {
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        str: "text",
        list: "a list",
        dict: "a map",
    }
    return kinds.get(type(value), f"a {type(value).__name__}")


def _build(parameter: Parameter, default: JsonValue | Absent) -> Param:
    required = default is ABSENT
    known = None if default is ABSENT else default
    help = " ".join(filter(None, (parameter.help, note(parameter, known))))
    return Param(parameter.name, default, schema(parameter, known, required), help)
