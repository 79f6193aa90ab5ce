"""A flow's parameters: what they are, and the values of those that a function computes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..protocol import Job, ParameterData, ParameterType, Problem
from .code import sha256
from .metaflow_compat import (
    DeployTimeField,
    check_parameters,
    deploy_time_eval,
    is_file_type,
    is_json_type,
    parameters_of,
)
from .problems import FlowError, describe_error
from .source import Source

_MAX_DEPTH = 100  # Python parses two hundred nested brackets, and the DAG file adds some around the value
_MAX_CHARACTERS = 200_000  # in total: they are part of the DAG's record

_TYPES: dict[type, ParameterType] = {str: "string", int: "integer", float: "number", bool: "boolean"}
# What a default has to be, for messages.
_EXPECTED: dict[ParameterType, str] = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "a boolean",
    "json": "valid JSON",
    "file": "a file",
}


def describe_parameters(flow: Any, source: Source) -> list[ParameterData]:
    """The parameters in the order of their definition. Raises FlowError for an unsupported type."""
    check_parameters(flow)
    found = [
        _describe(parameter, *source.parameter(attribute, parameter.name))
        for attribute, parameter in parameters_of(flow)
        if not parameter.IS_CONFIG_PARAMETER
    ]
    return sorted(found, key=lambda parameter: (parameter["line"], parameter["name"]))


def _describe(parameter: Any, file: str, line: int) -> ParameterData:
    kind = parameter_type(parameter)
    given = parameter.kwargs.get("default")
    if kind is None:
        shown = getattr(parameter.kwargs["type"], "__name__", parameter.kwargs["type"])
        message = f"parameter {parameter.name}: the type {shown} is not supported"
        hint = "use str, int, float, bool, or JSONType for lists and maps"
        raise FlowError(Problem("parameter-type", message, file, line, hint))
    deploy_time = isinstance(given, DeployTimeField)
    default = None if deploy_time or given is None else _default(parameter, kind, given, file, line)
    return {
        "name": parameter.name,
        "type": kind,
        "line": line,
        "default": default,
        "deploy_time": deploy_time,
        "required": bool(parameter.kwargs.get("required")) and given is None,
        "help": parameter.kwargs.get("help") or "",
        "separator": parameter.separator,
    }


def parameter_type(parameter: Any) -> ParameterType | None:
    """A parameter's type; None for one that is not supported."""
    kind = parameter.kwargs["type"]
    if is_json_type(kind):
        return "json"
    if is_file_type(kind):
        return "file"
    return _TYPES.get(kind) if isinstance(kind, type) else None


def _default(parameter: Any, kind: ParameterType, given: Any, file: str, line: int) -> Any:
    """The default as a JSON value of the parameter's type, converted as Metaflow would at run time."""
    name = parameter.name
    try:
        if kind == "json":
            return json.loads(given) if isinstance(given, str) else json.loads(json.dumps(given))
        if kind in ("integer", "number", "string") and not isinstance(given, bool):
            return parameter.kwargs["type"](given)
        if isinstance(given, bool):
            return given if kind == "boolean" else parameter.kwargs["type"](given)
    except (TypeError, ValueError) as error:
        message = f"parameter {name}: its default is not {_EXPECTED[kind]}: {describe_error(error)}"
        raise FlowError(Problem("parameter-default", message, file, line)) from None
    message = f"parameter {name}: its default {given!r} is not {_EXPECTED[kind]}"
    raise FlowError(Problem("parameter-default", message, file, line))


def included_files(job: Job, flow: Any, source: Source) -> dict[str, str]:
    """Path as written -> digest, of the files that IncludeFile parameters include. Raises FlowError."""
    found = {}
    for attribute, parameter in parameters_of(flow):
        if parameter.IS_CONFIG_PARAMETER or parameter_type(parameter) != "file":
            continue
        location = source.parameter(attribute, parameter.name)
        if parameter.name in job.parameters:
            message = f"parameter {parameter.name} is an IncludeFile, whose file cannot be set in the manifest yet"
            setting, hint = f"parameters.{parameter.name}", "set it in the flow, as the parameter's default"
            raise FlowError(Problem("unsupported", message, setting=setting, hint=hint))
        default = parameter.kwargs.get("default")
        written = default.print_representation if default is not None else None
        if not isinstance(written, str) or "://" in written:
            continue  # no default, a function that gives the path at apply, or an object in a store
        if not Path(written).is_file():
            message, hint = (
                f"parameter {parameter.name}: no file {written!r}",
                "paths are relative to the flow's folder",
            )
            raise FlowError(Problem("no-file", message, *location, hint=hint))
        found[written] = sha256(written)[:16]
    return found


def evaluate(flow: Any, source: Source, given: set[str]) -> dict[str, Any]:
    """The values of deploy-time defaults by parameter name, except those that are `given`. Raises FlowError."""
    values, problems, size = {}, [], 0
    for attribute, parameter in parameters_of(flow):
        if parameter.IS_CONFIG_PARAMETER or parameter.name in given:
            continue
        default = parameter.kwargs.get("default")
        if not isinstance(default, DeployTimeField):
            continue
        try:
            values[parameter.name] = _evaluate(parameter, default)
            size += len(_plain(values[parameter.name]))
            if size > _MAX_CHARACTERS:
                message = f"parameter {parameter.name}: with it the deploy-time values have {size:,} characters"
                hint = f"a DAG file takes {_MAX_CHARACTERS:,}; let the function write a file and return its name"
                problems.append(Problem("too-large", message, *source.parameter(attribute, parameter.name), hint=hint))
        except Exception as error:
            # Metaflow's own message is a traceback; the exception that it wraps says what went wrong.
            cause = error.__context__ or error
            message = f"parameter {parameter.name}: its deploy-time function failed: {describe_error(cause)}"
            problems.append(Problem("deploy-time", message, *source.parameter(attribute, parameter.name)))
    if problems:
        raise FlowError(*problems)
    return values


def _plain(value: Any) -> str:
    """A value as JSON. Raises ValueError for one that a DAG file cannot hold: infinite, or nested too deeply."""
    text = json.dumps(value, allow_nan=False, default=str)
    level = [value]
    for _ in range(_MAX_DEPTH):
        holders = [each for each in level if isinstance(each, (dict, list, tuple))]
        level = [inner for each in holders for inner in (each.values() if isinstance(each, dict) else each)]
    if level:
        raise ValueError(f"values are nested more than {_MAX_DEPTH} deep")
    return text


def _evaluate(parameter: Any, default: Any) -> Any:
    value = deploy_time_eval(default)
    kind = parameter_type(parameter)
    if kind == "json" and isinstance(value, str):
        return json.loads(value)
    if kind in ("integer", "number") and isinstance(value, str):
        return parameter.kwargs["type"](value)
    if kind == "boolean" and isinstance(value, str):
        return value == "True"
    return value
