"""A flow's steps as the tasks of a DAG: what each operator is called with, and what follows what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from deployer.models.flow import Flow, Step
from deployer.renderer.literals import Source, constant, duration, identifier, joined, literal, names

# Module-level names of the DAG file, and those in reach where its steps are: no step's variable may hide one.
RESERVED = frozenset(
    [
        "CONTAINER",
        "CronTriggerTimetable",
        "DAG",
        "DOC",
        "ENVIRONMENT",
        "FLOW",
        "MFDEPLOY_RECORD",
        "MetaflowStep",
        "POD_ANNOTATIONS",
        "POD_LABELS",
        "POD_SPEC",
        "Param",
        "Path",
        "BashOperator",
        "KubernetesPodOperator",
        "SCRIPT",
        "annotations",
        "as_it_is",
        "datetime",
        "hashlib",
        "index",
        "json",
        "metaflow_id",
        "sys",
        "task_group",
        "tempfile",
        "timedelta",
        "timezone",
    ]
)
# Airflow's limit is a safety net below Metaflow's own @timeout: it must not strike first.
LOCAL_MARGIN = timedelta(minutes=5)


@dataclass(frozen=True)
class Argument:
    """A keyword argument of a call."""

    name: Source
    value: Source


@dataclass(frozen=True)
class Task:
    """One operator and the variable that it is bound to."""

    name: Source
    arguments: tuple[Argument, ...]
    tasks: tuple[Task, ...] = ()


@dataclass(frozen=True)
class Group:
    """The body of a foreach, a task group that is mapped over the foreach step's items."""

    group_id: Source
    function: Source
    result: Source
    over: Source
    tasks: tuple[Task, ...]
    order: tuple[Source, ...]


@dataclass(frozen=True)
class Layout:
    """All tasks in graph order, and the lines that put the outer ones into order."""

    items: tuple[Task | Group, ...]
    order: tuple[Source, ...]


def arrange(flow: Flow, max_workers: int, extras: Mapping[str, Mapping[str, Source]], margin: timedelta) -> Layout:
    """The DAG's tasks. `extras` are further arguments by step name; `margin` is added to a step's own timeout."""
    taken = set(RESERVED)
    variables: dict[str, Source] = {}
    for step in flow.steps:
        variables[step.name] = _name(step.name, taken)

    def task(step: Step) -> Task:
        indent = 12 if step.foreaches else 8
        arguments = {**_arguments(flow, step, max_workers, margin, indent), **extras[step.name]}
        return Task(variables[step.name], as_arguments(arguments))

    items: list[Task | Group] = []
    results: dict[str, Source] = {}
    for step in flow.steps:
        if not step.foreaches:
            items.append(task(step))
        if step.kind == "foreach":
            body = [inner for inner in flow.steps if inner.foreaches[-1:] == (step.name,)]
            results[step.name] = _name(f"{step.name}_items", taken)
            group = Group(
                group_id=literal(f"{step.name}-items"),
                function=_name(f"each_{step.name}", taken),
                result=results[step.name],
                over=variables[step.name],
                tasks=tuple(task(inner) for inner in body),
                order=_order(body, variables, {}),
            )
            items.append(group)
    outer = [step for step in flow.steps if not step.foreaches]
    return Layout(tuple(items), _order(outer, variables, results))


def as_arguments(values: Mapping[str, Source]) -> tuple[Argument, ...]:
    """Keyword arguments by names that we chose ourselves."""
    return tuple(Argument(constant(name), value) for name, value in values.items())


def _name(wanted: str, taken: set[str]) -> Source:
    found = identifier(wanted, taken)
    taken.add(found.text)
    return found


def _arguments(flow: Flow, step: Step, max_workers: int, margin: timedelta, indent: int) -> dict[str, Source]:
    found: dict[str, Any] = {"task_id": step.name}
    if step.doc:
        found["doc_md"] = step.doc
    if step.previous:
        found["inputs"] = list(step.previous)
    if step.kind == "foreach":
        found["is_foreach"] = True
    if step.joins and flow.step(step.joins).kind == "foreach":
        found["joins_foreach"] = step.joins
    if step.foreaches and step.previous == step.foreaches[-1:]:
        found["first_in_foreach"] = True
    if step.foreaches:
        found["max_active_tis_per_dagrun"] = max_workers
    if step.retries.times + step.retries.fallback:
        found["retries"] = step.retries.times + step.retries.fallback
    if step.retries.fallback:
        found["fallback_retries"] = step.retries.fallback
    sources = {name: literal(value, indent) for name, value in found.items()}
    if step.foreaches:
        sources["metaflow_index"] = constant("index")
    if "retries" in found:
        sources["retry_delay"] = duration(timedelta(minutes=step.retries.minutes_between))
    if step.timeout_seconds is not None:
        sources["execution_timeout"] = duration(timedelta(seconds=step.timeout_seconds) + margin)
    return sources


def _order(steps: Sequence[Step], variables: Mapping[str, Source], groups: Mapping[str, Source]) -> tuple[Source, ...]:
    """Lines such as ``start >> [a, b] >> join``: each step of one level after those before it.

    The body of a foreach stands in `groups` as one thing. That it follows the foreach step is in the mapping already.
    """
    here = {step.name for step in steps}
    after: dict[tuple[Source, ...], list[Source]] = {}
    for step in steps:
        inner = step.joins is not None and step.joins in groups
        before = [groups[step.joins]] if inner and step.joins else [variables[p] for p in step.previous if p in here]
        if before:
            after.setdefault(tuple(before), []).append(variables[step.name])
    lines: list[list[Source]] = []
    tails: dict[tuple[Source, ...], list[Source]] = {}
    for before_all, following in after.items():
        line = tails.pop(before_all, None)
        if line is None:
            line = [names(before_all)]
            lines.append(line)
        line.append(names(following))
        tails[tuple(following)] = line
    return tuple(joined(line, " >> ") for line in lines)
