"""A flow's parameters: what they are, and the values of those that a function computes."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from ..protocol import Job, ParameterData, ParameterType, Problem
from .code import sha256
from .files import files_of, no_file
from .metaflow_compat import (
    DeployTimeField,
    check_parameters,
    deploy_time_eval,
    file_of_include,
    is_file_type,
    is_json_type,
    parameters_of,
    set_included_file,
)
from .problems import FlowError, describe_error, nearest, together
from .source import Source

Asking = Callable[[int], AbstractContextManager[None]]
"""Entered while the datastore is asked to store so many bytes."""

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
    found = together(
        *(
            partial(_describe, parameter, *source.parameter(attribute, parameter.name))
            for attribute, parameter in parameters_of(flow)
            if not parameter.IS_CONFIG_PARAMETER
        )
    )
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


def set_included_files(job: Job, flow: Any) -> None:
    """Gives IncludeFiles the files that the manifest names. Raises FlowError for names that are of no IncludeFile."""
    known = {parameter.name: parameter for _, parameter in parameters_of(flow) if _is_included(parameter)}
    problems = []
    for name in job.include_files:
        if name in known:
            set_included_file(known[name], job.include_files[name])
        else:
            hint = nearest(name, known) or (f"its IncludeFiles are {', '.join(known)}" if known else "it defines none")
            message = f"the flow has no IncludeFile {name!r}"
            problems.append(Problem("unknown-include", message, setting=f"include_files.{name}", hint=hint))
    for name in sorted(set(job.parameters) & set(known)):
        message = f"parameter {name} is an IncludeFile, whose value is a file"
        hint = f"name the file with include_files: {{{name}: PATH}}"
        problems.append(Problem("unsupported", message, setting=f"parameters.{name}", hint=hint))
    if problems:
        raise FlowError(*problems)


def _is_included(parameter: Any) -> bool:
    return not parameter.IS_CONFIG_PARAMETER and parameter_type(parameter) == "file"


def included_files(job: Job, flow: Any, source: Source) -> dict[str, str]:
    """Path -> digest, of the files that IncludeFiles include. Raises FlowError.

    The path is as the code has it, where it leads to the file from the flow's folder; else it is made to do so.
    """
    found: dict[str, str] = {}
    missing: list[Problem] = []
    files = files_of(job)
    for attribute, parameter in parameters_of(flow):
        written = None if parameter.IS_CONFIG_PARAMETER else file_of_include(parameter)
        if not isinstance(written, (str, DeployTimeField, type(None))):
            message = f"parameter {parameter.name}: its default is a {type(written).__name__}, and Metaflow takes a str"
            location = source.parameter(attribute, parameter.name)
            missing.append(Problem("parameter-default", message, *location, hint="write str(...) around it"))
        if not isinstance(written, str) or "://" in written:
            continue  # no default, a function that gives the path at apply, or an object in a store
        file = files.find(written)
        if file is None:
            location = source.parameter(attribute, parameter.name)
            what = f"parameter {parameter.name}"
            missing.append(no_file(job, what, written, "include_files", parameter.name, location))
            continue
        is_of_flow = file == written and parameter.name not in job.include_files
        found[written if is_of_flow else files.shown(file)] = sha256(file)[:16]
    if missing:
        raise FlowError(*missing)
    return found


def evaluate(flow: Any, source: Source, given: set[str], asking: Asking) -> dict[str, Any]:
    """The values of deploy-time defaults by parameter name, except those that are `given`. Raises FlowError.

    `asking` is entered while a file is stored. A function of the user may take the time that it likes.
    """
    values, problems, size = {}, [], 0
    for attribute, parameter in parameters_of(flow):
        if parameter.IS_CONFIG_PARAMETER or parameter.name in given:
            continue
        default = parameter.kwargs.get("default")
        if not isinstance(default, DeployTimeField):
            continue
        try:
            file = file_of_include(parameter)
            with asking(_size(file)) if isinstance(file, str) else nullcontext():
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


def _size(file: str) -> int:
    """Bytes of a file; none where it cannot be found by its name alone."""
    try:
        return Path(file).stat().st_size
    except OSError:
        return 0


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
