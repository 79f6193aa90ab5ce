"""A flow's steps as the tasks of a DAG: what each operator is called with, and what follows what."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from deployer.models.flow import Flow, Step
from deployer.renderer.literals import Source, assignment, call, constant, duration, identifier, joined, literal, names

# Module-level names of the DAG file, and those in reach where its steps are: no step's variable may hide one.
# fmt: off
RESERVED = frozenset((
    "annotations", "as_it_is", "BashOperator", "CONTAINER", "CronTriggerTimetable", "DAG", "datetime", "DOC",
    "ENVIRONMENT", "FLOW", "hashlib", "in_pieces", "index", "json", "KubernetesPodOperator", "metaflow_id",
    "MetaflowStep", "MFDEPLOY_RECORD", "Param", "Path", "POD_ANNOTATIONS", "POD_ENVIRONMENT", "POD_FIELDS",
    "POD_LABELS", "POD_SPEC", "SCRIPT", "sys", "task_group", "tempfile", "timedelta", "timezone",
))
# fmt: on
# Airflow's limit is a safety net below Metaflow's own @timeout: it must not strike first.
LOCAL_MARGIN = timedelta(minutes=5)


@dataclass(frozen=True)
class Argument:
    """A keyword argument of a call."""

    name: Source
    value: Source


@dataclass(frozen=True)
class Task:
    """One operator, bound to a variable where something refers to it. `tasks` tells it from a Group."""

    statement: Source
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
    variables = {step.name: _name(step.name, taken) for step in flow.steps}
    groups = {step.name: _name(f"{step.name}_items", taken) for step in flow.steps if step.kind == "foreach"}
    order = _order([step for step in flow.steps if not step.foreaches], variables, groups)

    def task(step: Step, lines: Sequence[Source]) -> Task:
        name = variables[step.name]
        is_used = step.kind == "foreach" or any(name.text in re.findall(r"\w+", line.text) for line in lines)
        arguments = {**_arguments(flow, step, max_workers, margin), **extras[step.name]}
        made = call("MetaflowStep", (), arguments, column(step), before=len(f"{name} = ") if is_used else 0)
        return Task(assignment(name, made) if is_used else made)

    def group(foreach: Step) -> Group:
        body = [step for step in flow.steps if step.foreaches[-1:] == (foreach.name,)]
        lines = _order(body, variables, {})
        return Group(
            group_id=literal(f"{foreach.name}-items"),
            function=_name(f"each_{foreach.name}", taken),
            result=groups[foreach.name],
            over=variables[foreach.name],
            tasks=tuple(task(step, lines) for step in body),
            order=lines,
        )

    items: list[Task | Group] = []
    for step in flow.steps:
        if not step.foreaches:
            items.append(task(step, order))
        if step.kind == "foreach":
            items.append(group(step))
    return Layout(tuple(items), order)


def as_arguments(values: Mapping[str, Source]) -> tuple[Argument, ...]:
    """Keyword arguments by names that we chose ourselves."""
    return tuple(Argument(constant(name), value) for name, value in values.items())


def column(step: Step) -> int:
    """Where the statement that makes the step's task starts."""
    return 8 if step.foreaches else 4


def _name(wanted: str, taken: set[str]) -> Source:
    found = identifier(wanted, taken)
    taken.add(found.text)
    return found


def _arguments(flow: Flow, step: Step, max_workers: int, margin: timedelta) -> dict[str, Source]:
    found: dict[str, Source] = {"task_id": literal(step.name)}

    def put(name: str, value: Any) -> None:
        found[name] = literal(value, column(step) + 4)

    if step.doc:
        put("doc_md", step.doc)
    if step.foreaches:
        found["metaflow_index"] = constant("index")
    if step.previous:
        put("inputs", list(step.previous))
    if step.kind == "foreach":
        put("is_foreach", True)
    if step.foreaches and step.previous == step.foreaches[-1:]:
        put("first_in_foreach", True)
    if step.joins and flow.step(step.joins).kind == "foreach":
        put("joins_foreach", step.joins)
    if step.foreaches:
        put("max_active_tis_per_dagrun", max_workers)
    retries = step.retries.times + step.retries.fallback
    if retries:
        put("retries", retries)
        found["retry_delay"] = duration(timedelta(minutes=step.retries.minutes_between))
    if step.retries.fallback:
        put("fallback_retries", step.retries.fallback)
    if step.timeout_seconds is not None:
        found["execution_timeout"] = duration(timedelta(seconds=step.timeout_seconds) + margin)
    return found


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
