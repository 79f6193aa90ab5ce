"""Describes a flow as plain JSON values, in the form of `deployer.models.flow.Flow`."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from metaflow import current
from metaflow.metaflow_config import DEFAULT_RUNTIME_LIMIT

from ..protocol import (
    CodeData,
    DecoratorData,
    FlowData,
    InputsData,
    Job,
    Json,
    Problem,
    ProjectData,
    RetriesData,
    ScheduleData,
    StepData,
)
from . import code, graph, variables
from .chosen import choose_files
from .decorate import decorators_of, plain, plain_map
from .drive import with_flow
from .files import file_warnings
from .hooks import DECORATOR as EXIT_HOOK
from .hooks import describe_hooks, hook_warnings
from .metaflow_compat import (
    CodePackage,
    config_values,
    end_step,
    flow_decorators,
    get_version,
    is_sensor,
    open_package,
    start_step,
    user_defined_attributes,
)
from .notes import Notes, no_notes, take_notes
from .outside import outside_imports
from .own_code import Opened, OwnCode, own_code, watch_opened
from .package_size import size_warnings
from .parameters import describe_parameters, included_files
from .pod import check_images, describe_pod
from .pod_values import check_pod_values
from .problems import together
from .reached import Search
from .refuse import PACKAGE_DECORATORS
from .sensors import describe_sensors
from .settings import check_metadata, unknown_settings
from .source import Source
from .triggers import DECORATORS as TRIGGERS
from .triggers import describe_triggers

# Between the tries of a step with `@catch` and no `@retry`. Source: _container_templates in
# metaflow/plugins/argo/argo_workflows.py.
_MINUTES_BETWEEN_RETRIES = 2.0


@dataclass(frozen=True)
class Description:
    """A flow as it would be deployed, with warnings; `inputs` where the job asked for them and they are complete."""

    flow: FlowData
    warnings: tuple[Problem, ...]
    inputs: InputsData | None = None


def describe(job: Job) -> Description:
    """Describe the flow of a job. Raises FlowError."""
    opened = watch_opened()
    notes = take_notes(job) if job.note_inputs else None
    described = with_flow(job, lambda obj, source: _describe(job, obj, source, notes, opened))
    if notes is None or described.warnings:
        # A warning must be given each time.
        return described
    with no_notes(notes):
        return Description(described.flow, (), notes.written(job))


def _describe(job: Job, obj: Any, source: Source, notes: Notes | None, opened: Opened) -> Description:
    parts: list[Callable[[], Any]] = [
        lambda: check_images(job, obj),
        lambda: check_pod_values(job, obj, source),
        lambda: describe_sensors(type(obj.flow), source),
        lambda: describe_parameters(obj.flow, source),
        lambda: included_files(job, obj.flow, source),
    ]
    _, _, sensors, parameters, included = together(*parts)
    triggers = describe_triggers(type(obj.flow), source, parameters)
    steps = [_step(job, obj, name) for name in obj.graph.sorted_nodes]
    opened = opened.so_far()
    with no_notes(notes):
        whole = open_package(obj)
        chosen = choose_files(job, whole, opened)
        search = Search(job, code.below_code_folder(chosen.package))
        own = own_code(job, chosen.package, opened, search)
    if notes is not None:
        notes.of_package(whole)
    flow: FlowData = {
        "name": obj.flow.name,
        "line": source.flow()[1],
        "doc": inspect.cleandoc(type(obj.flow).__doc__ or ""),
        "start": start_step(obj.graph),
        "end": end_step(obj.graph),
        "steps": steps,
        "parameters": parameters,
        "code": _code(included, chosen.package, own, notes),
        "schedule": _schedule(obj, source),
        "project": _project(),
        "configs": _configs(obj),
        "decorators": list(_flow_decorators(obj)),
        "sensors": sensors,
        "triggers": triggers,
        "hooks": describe_hooks(type(obj.flow), source),
        "environment": variables.flow_environment(job, obj),
        "default_time_limit": DEFAULT_RUNTIME_LIMIT,
    }
    check_metadata(job, flow)
    with no_notes(notes):
        outside = [
            *outside_imports(job, chosen.package, search),
            *size_warnings(job, chosen.package, source.flow()),
        ]
    return Description(flow, (*unknown_settings(job), *_warnings(job, obj, source), *chosen.warnings, *outside))


def _step(job: Job, obj: Any, name: str) -> StepData:
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


def _packages(node: Any) -> dict[str, Json]:
    """What `@conda` and `@pypi` ask for, in all. Not the version of Python that they take from who applies."""
    found: dict[str, Json] = {}
    for decorator in node.decorators:
        if decorator.name in PACKAGE_DECORATORS:
            if str(decorator.attributes["disabled"]).lower() == "true":
                return {}
            if decorator.attributes["packages"]:
                found[decorator.name] = plain(decorator.attributes["packages"])
            if "python" in (user_defined_attributes(decorator) or ()) and decorator.attributes["python"]:
                found["python"] = str(decorator.attributes["python"])
    return found


def _retries(node: Any) -> RetriesData:
    counts = [decorator.step_task_retry_count() for decorator in node.decorators]
    times = max((user for user, _ in counts), default=0)
    fallback = max((error for _, error in counts), default=0)
    retry = next((decorator for decorator in node.decorators if decorator.name == "retry"), None)
    between = _MINUTES_BETWEEN_RETRIES if retry is None else float(retry.attributes["minutes_between_retries"])
    minutes = between if times + fallback else 0.0
    return {"times": times, "minutes_between": minutes, "fallback": fallback}


def _code(included: dict[str, str], package: CodePackage, own: OwnCode, notes: Notes | None) -> CodeData:
    with no_notes(notes):
        packaged = code.file_digests(package)
    return {
        "files": dict(sorted({**packaged, **included}.items())),
        "own": sorted({*own.files, *included}),
        "imports": list(own.imports),
        "folders": list(own.folders),
        "metaflow_version": get_version(),
        "metaflow_digest": code.metaflow_digest(),
    }


def _schedule(obj: Any, source: Source) -> ScheduleData | None:
    # Of several the last: Metaflow keeps the one that a mutator overrides.
    for decorator in flow_decorators(obj.flow).get("schedule", [])[-1:]:
        attributes = decorator.attributes
        words = [word for word in ("weekly", "hourly", "daily") if attributes[word]]
        cron = attributes["cron"] or (words[0] if words else None)
        if cron:
            line = source.decorator("schedule")[1]
            return {"cron": cron, "timezone": attributes.get("timezone"), "line": line}
    return None


def _project() -> ProjectData | None:
    if not current.get("project_name"):
        return None
    return {"project": current.project_name, "branch": current.branch_name, "flow": current.project_flow_name}


def _configs(obj: Any) -> dict[str, Json]:
    values: dict[str, Json] = json.loads(json.dumps(dict(sorted(config_values(obj.flow).items()))))
    return values


def _flow_decorators(obj: Any) -> Iterator[DecoratorData]:
    for name, decorators in sorted(flow_decorators(obj.flow).items()):
        for decorator in decorators:
            if not is_sensor(decorator) and name not in (*TRIGGERS, EXIT_HOOK):
                yield {"name": name, "attributes": plain_map(decorator.attributes)}


def _warnings(job: Job, obj: Any, source: Source) -> Iterator[Problem]:
    yield from file_warnings(job, type(obj.flow), source)
    yield from hook_warnings(job, type(obj.flow), source)
    if job.on_kubernetes:
        return
    for node in obj.graph:
        for decorator in node.decorators:
            if decorator.name == "kubernetes":
                location = source.decorator("kubernetes", node.name)
                message = f"@kubernetes has no effect on step {node.name}: the environment's compute is local"
                yield Problem("inert", message, *location, severity="warning")
