"""Renders a DAG file: computes the values of the template, and fills it."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import TypeVar

import jinja2
from pydantic import JsonValue

from deployer.kubernetes import pods
from deployer.manifest.keys import FlowSettings
from deployer.models.deployment import Deployment, Schedule
from deployer.models.flow import Flow, Package, Step
from deployer.models.record import FIRST_RUN_IDS, NEWEST_RUN_IDS, UNKNOWN_ORIGIN, Origin, RunIds
from deployer.orchestrators.airflow import events, graph, hooks, notifications, on_call, parameters, tasks
from deployer.orchestrators.airflow.documentation import documentation
from deployer.orchestrators.airflow.literals import (
    Source,
    attribute,
    call,
    constant,
    duration,
    finalize,
    joined,
    lines_of,
    list_of,
    literal,
    ordered_literal,
    triple_quoted,
    utc_datetime,
)
from deployer.orchestrators.airflow.names import dag_id, own_tags
from deployer.orchestrators.airflow.schedule import schedule_of
from deployer.orchestrators.airflow.step_pod import pod_of
from deployer.orchestrators.airflow.tasks import Argument, Group, Task
from deployer.orchestrators.airflow.timeouts import default_timeout, own_timeouts
from deployer.orchestrators.airflow.variables import run_tags, step_variables

Value = TypeVar("Value")

# The start date of a DAG that was rendered but never applied.
_NOT_APPLIED = datetime(2024, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Script:
    """A bash script as a constant of the DAG file."""

    name: Source
    text: Source


@dataclass(frozen=True)
class Page:
    """The values of the template. The flags and `switches` select the parts of the template that are written.

    `settings` are the flow's scalar settings by name, None if not set. A setting that Airflow accepts unchanged needs
    only a line in the template.
    """

    local: bool
    joined_run_ids: bool
    datastore: str
    fallback: bool
    groups: bool
    nested: bool
    parallel: bool
    shows_items: bool
    results: bool
    waits_for_task: bool
    waits_for_key: bool
    switches: Source | None
    runs_if: Source
    docstring: Source
    doc: Source
    flow: Source
    deployed: Source
    resume: Source
    scripts: tuple[Script, ...]
    default_script: Source
    environment: Source
    python: Source | None
    cluster: ClusterParts | None
    dag_arguments: tuple[Argument, ...]
    default_arguments: tuple[Argument, ...]
    cron: Source | None
    timezone: Source | None
    several_crons: Source | None
    published: Source
    alias: Source | None
    follows: Source
    triggers: Source | None
    payload: Source | None
    waits_for: Source
    start_date: Source
    params: tuple[Argument, ...]
    items: tuple[Task | Group, ...]
    order: tuple[Source, ...]
    hooks: tuple[Source, ...]
    notify: notifications.Notifications | None
    end: Source
    settings: Mapping[str, Source | None]


@dataclass(frozen=True)
class ClusterParts:
    """What all pods of the flow share, and the operator's arguments that select the cluster.

    `step_arguments` are those that a step may have another value of.
    """

    labels: Source
    annotations: Source
    spec: Source
    container: Source
    fields: Source
    step_arguments: tuple[Argument, ...]
    arguments: tuple[Argument, ...]


def render(
    deployment: Deployment,
    flow: Flow,
    package: Package,
    since: datetime | None = None,
    origin: Origin = UNKNOWN_ORIGIN,
    run_ids: RunIds = NEWEST_RUN_IDS,
) -> str:
    """The DAG file without its record, ending with one newline: the same text for the same input, everywhere.

    `since` is when the DAG was first applied (aware; None if it never was): its schedule starts then, unless the
    manifest sets `start_date`. `origin` becomes tags of the runs and a line of the documentation, as far
    as it is known. `run_ids` is the way in which the DAG makes Metaflow's ids of its runs. `deployment` and `flow` must
    have passed `check`. Raises DeployError for a schedule that did not.
    """
    page = _page(deployment, flow, package, _start_date(deployment, since), origin, run_ids)
    text = _environment().get_template("dag.py.jinja").render(page=page)
    return re.sub(r"\n{4,}", "\n\n\n", text).rstrip("\n") + "\n"


def _start_date(deployment: Deployment, since: datetime | None) -> datetime:
    """The start date of the DAG: by default when it was first applied, so that its first run is at the next time.

    With an earlier start date, Airflow would start a run at once for the latest time that has passed (with `catchup`,
    for all).
    """
    if deployment.start_date is not None:
        return datetime.fromisoformat(deployment.start_date).replace(tzinfo=timezone.utc)
    return since.astimezone(timezone.utc) if since else _NOT_APPLIED


@functools.cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("deployer.orchestrators.airflow"),
        undefined=jinja2.StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        # The output is Python, not HTML, and `finalize` accepts nothing but a Source.
        autoescape=False,  # noqa: S701
    )


def _page(
    deployment: Deployment, flow: Flow, package: Package, start: datetime, origin: Origin, run_ids: RunIds
) -> Page:
    schedule = schedule_of(deployment, flow)
    scripts = _script_names(package, flow)
    package = replace(package, scripts=hooks.with_scripts(package.scripts, flow))
    tags = run_tags(deployment, origin)
    with_hooks = (*flow.steps, *hooks.hook_steps(flow))
    environments = {step.name: step_variables(deployment, flow, step, package, tags) for step in with_hooks}
    common, own = _shared(environments)
    extras = {step.name: _extras(step, own[step.name], scripts, package) for step in with_hooks}
    shows_items = deployment.show_items and any(step.foreaches for step in flow.steps)
    for step in flow.steps if shows_items else ():
        if step.foreaches:
            extras[step.name]["items_of"] = literal(tasks.list_task(flow.step(step.foreaches[-1])))
    cluster = None
    if deployment.environment.compute == "kubernetes":
        arguments = pods.cluster_arguments(deployment.environment.kubernetes.written())
        cluster = _cluster(deployment, flow, with_hooks, arguments, extras)
    switches = [step.name for step in flow.steps if step.kind == "switch"]
    layout = tasks.arrange(
        flow, deployment.max_workers, extras, own_timeouts(deployment, flow), notifications.reserved(deployment)
    )
    return Page(
        local=cluster is None,
        joined_run_ids=run_ids == FIRST_RUN_IDS,
        datastore=deployment.environment.datastore_type,
        fallback=any(step.retries.fallback for step in flow.steps),
        groups=any(step.foreaches for step in flow.steps),
        nested=any(step.foreaches for step in flow.steps if step.kind == "foreach"),
        parallel=any(step.parallel for step in flow.steps),
        shows_items=shows_items,
        results=any(step.kind in ("foreach", "switch") or step.parallel for step in flow.steps),
        waits_for_task=any(sensor.kind == "external_task" for sensor in flow.sensors),
        waits_for_key=any(sensor.kind == "s3_key" for sensor in flow.sensors),
        switches=literal(switches) if switches else None,
        runs_if=literal(graph.runs_if(flow)),
        docstring=triple_quoted(_docstring(deployment, flow)),
        doc=lines_of(documentation(deployment, flow, origin)),
        flow=literal(flow.name),
        deployed=literal(on_call.deployed(deployment, origin)),
        resume=literal(on_call.resume_command(deployment)),
        scripts=tuple(Script(name, literal(text)) for text, name in scripts.items()),
        default_script=next(iter(scripts.values())),
        environment=literal(common),
        python=literal(deployment.python.resolved) if deployment.python else None,
        cluster=cluster,
        dag_arguments=tasks.as_arguments(_dag_arguments(deployment, flow)),
        default_arguments=_default_arguments(deployment, flow),
        cron=literal(schedule.crons[0]) if schedule else None,
        timezone=literal(schedule.timezone) if schedule else None,
        several_crons=_several_crons(schedule, 8 if flow.triggers else 4) if schedule else None,
        published=literal(events.published_event(deployment, flow)),
        alias=literal(f"mfdeploy.{dag_id(deployment, flow)}") if flow.code.publishes_events else None,
        follows=_follows(flow),
        triggers=literal(events.triggers_table(flow)) if flow.triggers else None,
        payload=literal(events.payload_table(deployment, flow)) if events.given_parameters(flow) else None,
        waits_for=_waits_for(flow, 8 if schedule else 4),
        start_date=utc_datetime(start),
        params=tuple(_param_call(param) for param in parameters.build(deployment, flow, package)),
        items=layout.items,
        order=layout.order,
        hooks=hooks.statements(flow, extras),
        notify=notifications.of(deployment, flow),
        end=literal(flow.end),
        settings={name: _single(getattr(deployment, name)) for name in FlowSettings.model_fields},
    )


def _waits_for(flow: Flow, indent: int) -> Source:
    """The assets that a run waits for: all of them."""
    found = [call("Asset", [literal(name)], {}, indent) for name in events.triggers_table(flow)]
    return list_of(found, indent)


def _several_crons(schedule: Schedule, indent: int) -> Source | None:
    """The timetable of several crons; None for one."""
    if len(schedule.crons) == 1:
        return None
    crons = [literal(cron) for cron in schedule.crons]
    zone = {"timezone": literal(schedule.timezone)}
    return call("MultipleCronTriggerTimetable", crons, zone, indent, before=len("timetable=,"))


def _follows(flow: Flow) -> Source:
    """The condition, in the DAG file, that the result of a step tells which tasks follow."""
    kinds = [("is_foreach", any(step.foreaches for step in flow.steps))]
    kinds.append(("is_switch", any(step.kind == "switch" for step in flow.steps)))
    found = [attribute(constant("self"), name) for name, used in kinds if used]
    return joined(found, " or ") if found else literal(False)


def _single(value: object) -> Source | None:
    return literal(value, 4) if isinstance(value, (str, int, float)) else None


def _docstring(deployment: Deployment, flow: Flow) -> str:
    environment = deployment.environment
    return (
        f"{flow.name} on Airflow: {deployment.address} of the project {environment.project}.\n\n"
        "Rendered by mfdeploy. Do not edit it here: change the manifest or the flow, then plan and apply.\n"
    )


def _script_names(package: Package, flow: Flow) -> dict[str, Source]:
    """The constant of each distinct script: SCRIPT, then SCRIPT_2 and so on if steps have different ones."""
    found: dict[str, Source] = {}
    for step in flow.steps:
        text = package.scripts[step.name]
        if text not in found:
            found[text] = constant("SCRIPT" if not found else f"SCRIPT_{len(found) + 1}")
    return found


def _extras(step: Step, own: Mapping[str, str], scripts: Mapping[str, Source], package: Package) -> dict[str, Source]:
    found: dict[str, Source] = {}
    script = scripts[package.scripts[step.name]]
    if script.text != "SCRIPT":
        found["script"] = script
    if own:
        found["environment"] = literal(own, tasks.column(step) + 4)
    return found


def _cluster(
    deployment: Deployment,
    flow: Flow,
    steps: Sequence[Step],
    arguments: Mapping[str, JsonValue],
    extras: dict[str, dict[str, Source]],
) -> ClusterParts:
    """What the pods share. What differs is added to the `extras` of each step."""
    built = {step.name: pod_of(deployment, flow, step) for step in steps}
    labels, own_labels = _shared({name: pod.labels for name, pod in built.items()})
    annotations, own_annotations = _shared({name: pod.annotations for name, pod in built.items()})
    spec, own_spec = _shared({name: pod.spec for name, pod in built.items()})
    container, own_container = _shared({name: pod.container for name, pod in built.items()})
    arguments_of = {
        name: {"namespace": pod.namespace, **pods.HANDLING, **deployment.pod_handling(name)}
        for name, pod in built.items()
    }
    step_arguments, own_arguments = _shared(arguments_of)
    differing: dict[str, Mapping[str, Mapping[str, object]]] = {
        "labels": own_labels,
        "annotations": own_annotations,
        "pod_spec": own_spec,
        "container": own_container,
    }
    for step in steps:
        extras[step.name] |= {name: literal(value) for name, value in own_arguments[step.name].items()}
        for argument, own in differing.items():
            if own[step.name]:
                extras[step.name][argument] = literal(own[step.name], tasks.column(step) + 4)
    return ClusterParts(
        labels=literal(labels),
        annotations=literal(annotations),
        spec=literal(spec),
        container=literal(container),
        fields=literal(pods.POD_FIELDS),
        step_arguments=tasks.as_arguments({name: literal(value) for name, value in step_arguments.items()}),
        arguments=tasks.as_arguments({name: literal(value, 12) for name, value in sorted(arguments.items())}),
    )


def _shared(maps: Mapping[str, Mapping[str, Value]]) -> tuple[dict[str, Value], dict[str, dict[str, Value]]]:
    """The keys that all maps have, with their most frequent values, and for each map the items that differ."""
    common: dict[str, Value] = {}
    everywhere = set.intersection(*(set(each) for each in maps.values()))
    for key in sorted(everywhere):
        values = [each[key] for each in maps.values()]
        common[key] = max(values, key=values.count)
    own = {
        name: {key: value for key, value in each.items() if key not in common or common[key] != value}
        for name, each in maps.items()
    }
    return common, own


def _dag_arguments(deployment: Deployment, flow: Flow) -> dict[str, Source]:
    tags = {*deployment.tags, "metaflow", *own_tags(deployment).values()}
    found: dict[str, object] = {"dag_id": dag_id(deployment, flow)}
    if deployment.description is not None:
        found["description"] = deployment.description
    found |= {
        "tags": sorted(tags),
        "catchup": deployment.catchup,
        "max_active_runs": deployment.max_active_runs,
        "max_active_tasks": _max_active_tasks(deployment, flow),
    }
    if deployment.paused is not None:
        found["is_paused_upon_creation"] = deployment.paused
    sources = {name: literal(value, 4) for name, value in found.items()}
    sources["doc_md"] = constant("DOC")
    if deployment.workflow_timeout is not None:
        sources["dagrun_timeout"] = duration(timedelta(seconds=deployment.workflow_timeout))
    return sources | notifications.dag_arguments(deployment)


def _max_active_tasks(deployment: Deployment, flow: Flow) -> int:
    """The largest number of tasks that can run at once, so that Airflow's limit is never below `max_workers`."""
    each_run = len(flow.sensors) + sum(deployment.max_workers if step.foreaches else 1 for step in flow.steps)
    return each_run * deployment.max_active_runs


def _default_arguments(deployment: Deployment, flow: Flow) -> tuple[Argument, ...]:
    found = {
        "owner": literal(deployment.owner or deployment.environment.project),
        "retries": literal(0),
        "execution_timeout": duration(default_timeout(deployment, flow)),
    }
    if deployment.worker_pool is not None:
        found["pool"] = literal(deployment.worker_pool)
    found |= notifications.default_arguments(deployment)
    return tuple(Argument(literal(name), value) for name, value in found.items())


def _param_call(param: parameters.Param) -> Argument:
    # What is not the name of an argument, as "$ref", can only be written as a key.
    plain = all(name.isidentifier() for name in param.schema)
    found: dict[str, object] = dict(param.schema) if plain else {"schema": param.schema}
    if param.help:
        found["description"] = param.help
    default = [] if param.default is parameters.ABSENT else [ordered_literal(param.default, 12)]
    keywords = {name: literal(value, 12) for name, value in found.items()}
    name = literal(param.name)
    return Argument(name, call("Param", default, keywords, 8, before=len(f"{name}: ,")))
