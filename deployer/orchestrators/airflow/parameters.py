"""Flow parameters as Airflow Params: types, defaults, and what is wrong with a manifest's values."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deployer.errors import Diagnostic, nearest
from deployer.models.deployment import Deployment
from deployer.models.flow import Flow, Package, Parameter, ParameterType
from deployer.models.plain_data import check_plain

ABSENT = object()
MOST_CHARACTERS = 1_000_000  # of Linux's two million bytes for all that a process is given
_EXPECTED: Mapping[ParameterType, str] = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "json": "a JSON value",
    "file": "text",
}
# Items that may be more than strings make the trigger form show a JSON editor, and not one line for each item.
_ANY_JSON = ["object", "array", "string", "number", "boolean", "null"]


@dataclass(frozen=True)
class Param:
    """One Param of the DAG: its name, and the keyword arguments; `has_default` is False for a required one."""

    name: str
    has_default: bool
    default: Any
    type: str | list[str]
    items: Mapping[str, Any] | None
    help: str


def build(deployment: Deployment, flow: Flow, package: Package) -> list[Param]:
    """The DAG's Params, in the flow's order."""
    return [_build(parameter, effective_default(deployment, parameter, package)) for parameter in flow.parameters]


def effective_default(deployment: Deployment, parameter: Parameter, package: Package | None) -> Any:
    """The manifest's value, else the one evaluated at deploy time, else the code's; ABSENT where one must be given."""
    if parameter.name in deployment.parameters:
        value = deployment.parameters[parameter.name]
        if isinstance(value, (list, tuple)) and parameter.separator:
            return parameter.separator.join(str(item) for item in value)
        return value
    if package is not None and (parameter.deploy_time or parameter.name in package.parameters):
        return package.parameters[parameter.name]
    return ABSENT if parameter.required else parameter.default


def check(deployment: Deployment, flow: Flow, scheduled: bool) -> list[Diagnostic]:
    """Values of the manifest that name no parameter or have another type, and required ones that nobody gives."""
    known = {parameter.name: parameter for parameter in flow.parameters}
    found = []
    for name, value in deployment.parameters.items():
        if name not in known:
            message = f"the flow {flow.name} has no parameter {name!r}"
            found.append(_diagnose(deployment, name, "unknown-parameter", message, nearest(name, known)))
        elif not _fits(known[name], value):
            message = f"{_describe(value)} is given, {_EXPECTED[known[name].type]} is expected"
            found.append(_diagnose(deployment, name, "wrong-type", message))
    for parameter in flow.parameters:
        missing = parameter.required and deployment.parameters.get(parameter.name) is None
        if missing and (scheduled or parameter.name in deployment.parameters):
            message = f"parameter {parameter.name!r} needs a value, because the flow runs on a schedule"
            hint = f"give it under parameters, as {parameter.name}: VALUE"
            found.append(_diagnose(deployment, parameter.name, "missing-parameter", message, hint))
    return [*found, *_unfit(deployment, flow)]


def _unfit(deployment: Deployment, flow: Flow) -> Iterator[Diagnostic]:
    """Values that no DAG file holds or no process could be given: they travel in its environment, all together."""
    defaults = {
        each.name: effective_default(deployment, each, None) for each in flow.parameters if not each.deploy_time
    }
    values = {name: value for name, value in defaults.items() if value is not ABSENT}
    for name, value in values.items():
        if name in deployment.parameters:
            continue  # a manifest holds neither
        try:
            # Python reads two hundred brackets in one another, of which the DAG file has some around it.
            check_plain(value, depth=100)
        except ValueError as error:
            yield _diagnose(deployment, name, "bad-value", f"the default of {name!r} can be in no DAG file: {error}")
    sizes = {name: len(json.dumps(value)) for name, value in values.items()}
    if sum(sizes.values()) > MOST_CHARACTERS:
        name = max(sizes, key=lambda each: sizes[each])
        message = f"the defaults have {sum(sizes.values()):,} characters, a task can be given {MOST_CHARACTERS:,}"
        yield _diagnose(deployment, name, "too-large", message, "put it into a file, or an IncludeFile")


def _diagnose(deployment: Deployment, name: str, code: str, message: str, hint: str = "") -> Diagnostic:
    setting = f"parameters.{name}"
    place = deployment.sources.get(setting, deployment.source("parameters"))
    return Diagnostic(code, message, place, f"flows.{deployment.name}.{setting}", hint)


def _fits(parameter: Parameter, value: Any) -> bool:
    if value is None:
        # Whether there must be a value is another question.
        return True
    if parameter.separator and isinstance(value, (list, tuple)):
        return all(isinstance(item, (str, int, float)) and not isinstance(item, bool) for item in value)
    fits: Mapping[ParameterType, Callable[[Any], bool]] = {
        "string": lambda item: isinstance(item, str),
        "file": lambda item: isinstance(item, str),
        "boolean": lambda item: isinstance(item, bool),
        "integer": lambda item: isinstance(item, int) and not isinstance(item, bool),
        "number": lambda item: isinstance(item, (int, float)) and not isinstance(item, bool) and math.isfinite(item),
        "json": lambda item: True,
    }
    return fits[parameter.type](value)


def _describe(value: Any) -> str:
    kinds = {
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        str: "text",
        list: "a list",
        dict: "a map",
    }
    return kinds.get(type(value), f"a {type(value).__name__}")


def _build(parameter: Parameter, default: Any) -> Param:
    has_default = default is not ABSENT
    known = default if has_default else None
    kind, items = _json_type(known) if parameter.type == "json" else (_simple_type(parameter, known), None)
    if has_default and known is None and isinstance(kind, str):
        kind = ["null", kind]
    return Param(parameter.name, has_default, known, kind, items, parameter.help)


def _simple_type(parameter: Parameter, default: Any) -> str | list[str]:
    if parameter.type == "file":
        # An included file's default is Metaflow's note of where the file was uploaded.
        return ["string", "object"] if isinstance(default, Mapping) else "string"
    return parameter.type


def _json_type(default: Any) -> tuple[str | list[str], Mapping[str, Any] | None]:
    if isinstance(default, Mapping):
        return "object", None
    if isinstance(default, (list, tuple)):
        return "array", {"type": _ANY_JSON}
    return _ANY_JSON, {"type": _ANY_JSON}
