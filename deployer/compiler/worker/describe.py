"""Describes a flow as plain JSON values, in the form of `deployer.models.flow.Flow`."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from typing import Any

from . import code, graph, variables
from .decorate import decorators_of, plain
from .drive import with_flow
from .job import Job
from .notes import Notes, no_notes, take_notes
from .parameters import describe_parameters, included_files
from .pod import check_images, describe_pod
from .problems import Problem
from .refuse import PACKAGE_DECORATORS
from .sensors import describe_sensors, is_sensor
from .source import Source

Described = tuple[dict[str, Any], list[Problem]]


def describe(job: Job) -> Described:
    """The flow as it would be deployed, and warnings. Raises FlowError."""
    notes = take_notes(job) if job.note_inputs else None
    flow, warnings = with_flow(job, lambda obj, source: _describe(job, obj, source, notes))
    if notes is not None and not warnings:
        # A warning must be given each time.
        with no_notes(notes):
            flow["inputs"] = notes.written(job)
    return flow, warnings


def _describe(job: Job, obj: Any, source: Source, notes: Notes | None) -> Described:
    check_images(job, obj)
    flow = {
        "name": obj.flow.name,
        "line": source.flow()[1],
        "doc": inspect.cleandoc(type(obj.flow).__doc__ or ""),
        "start": obj.graph.start_step,
        "end": obj.graph.end_step,
        "steps": [_step(job, obj, name) for name in obj.graph.sorted_nodes],
        "parameters": describe_parameters(obj.flow, source),
        "code": _code(job, obj, source, notes),
        "schedule": _schedule(obj, source),
        "project": _project(),
        "configs": _configs(obj),
        "decorators": list(_flow_decorators(obj)),
        "sensors": describe_sensors(type(obj.flow), source),
        "environment": variables.flow_environment(job, obj),
    }
    return flow, list(_warnings(job, obj, source))


def _step(job: Job, obj: Any, name: str) -> dict[str, Any]:
    node = obj.graph[name]
    decorators = {decorator.name: decorator for decorator in node.decorators}
    timeout = decorators.get("timeout")
    environment = decorators["environment"].attributes["vars"] if "environment" in decorators else {}
    pod = describe_pod(job, obj, node) if job.on_kubernetes else {}
    return {
        **graph.describe_node(obj.graph, node),
        "doc": node.doc,
        "decorators": list(decorators_of(node, without=("kubernetes",) if job.on_kubernetes else ())),
        "retries": _retries(node),
        "timeout_seconds": timeout.secs if timeout is not None else None,
        "environment": {key: str(value) for key, value in (environment or {}).items()},
        "pod": pod,
        "packages": _packages(node),
        "options": variables.step_options(job, obj, node, pod),
    }


def _packages(node: Any) -> dict[str, Any]:
    """What `@conda` and `@pypi` ask for, in all. Not the version of Python that they take from who applies."""
    found: dict[str, Any] = {}
    for decorator in node.decorators:
        if decorator.name in PACKAGE_DECORATORS:
            if str(decorator.attributes["disabled"]).lower() == "true":
                return {}
            if decorator.attributes["packages"]:
                found[decorator.name] = plain(decorator.attributes["packages"])
            if decorator.is_attribute_user_defined("python") and decorator.attributes["python"]:
                found["python"] = str(decorator.attributes["python"])
    return found


def _retries(node: Any) -> dict[str, Any]:
    counts = [decorator.step_task_retry_count() for decorator in node.decorators]
    times = max((user for user, _ in counts), default=0)
    fallback = max((error for _, error in counts), default=0)
    retry = next((decorator for decorator in node.decorators if decorator.name == "retry"), None)
    minutes = float(retry.attributes["minutes_between_retries"]) if retry is not None and times else 0.0
    return {"times": times, "minutes_between": minutes, "fallback": fallback}


def _code(job: Job, obj: Any, source: Source, notes: Notes | None) -> dict[str, Any]:
    from metaflow import metaflow_version

    with no_notes(notes):
        package = code.open_package(obj)
        packaged = code.file_digests(package)
    if notes is not None:
        notes.of_package(package)
    files = {**packaged, **included_files(job, obj.flow, source)}
    return {
        "files": dict(sorted(files.items())),
        "metaflow_version": metaflow_version.get_version(),
        "metaflow_digest": code.metaflow_digest(),
    }


def _schedule(obj: Any, source: Source) -> dict[str, Any] | None:
    for decorator in obj.flow._flow_decorators.get("schedule", []):
        attributes = decorator.attributes
        words = [word for word in ("weekly", "hourly", "daily") if attributes[word]]
        cron = attributes["cron"] or (words[0] if words else None)
        if cron:
            line = source.decorator("schedule")[1]
            return {"cron": cron, "timezone": attributes.get("timezone"), "line": line}
    return None


def _project() -> dict[str, str] | None:
    from metaflow import current

    if not current.get("project_name"):
        return None
    return {"project": current.project_name, "branch": current.branch_name, "flow": current.project_flow_name}


def _configs(obj: Any) -> dict[str, Any]:
    from metaflow.user_configs.config_parameters import dump_config_values

    values = dump_config_values(obj.flow).get("user_configs", {})
    # Metaflow notes whether a value is plain text beside it.
    plain: dict[str, Any] = json.loads(json.dumps({name: value for name, (value, _) in sorted(values.items())}))
    return plain


def _flow_decorators(obj: Any) -> Iterator[dict[str, Any]]:
    for name, decorators in sorted(obj.flow._flow_decorators.items()):
        for decorator in decorators:
            if not is_sensor(decorator):
                yield {"name": name, "attributes": plain(decorator.attributes)}


def _warnings(job: Job, obj: Any, source: Source) -> Iterator[Problem]:
    if job.on_kubernetes:
        return
    for node in obj.graph:
        for decorator in node.decorators:
            if decorator.name == "kubernetes":
                place = source.decorator("kubernetes", node.name)
                message = f"@kubernetes has no effect on step {node.name}: the environment's compute is local"
                yield Problem("inert", message, *place, severity="warning")
