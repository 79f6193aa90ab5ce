"""A flow's steps as the tasks of a DAG: the arguments of each operator, and the order of the tasks."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from deployer.models.flow import Flow, Sensor, Step
from deployer.orchestrators.airflow import graph, hooks, sensors
from deployer.orchestrators.airflow.literals import (
    Source,
    assignment,
    call,
    constant,
    duration,
    identifier,
    joined,
    list_of,
    literal,
    names,
    output,
    task_call,
    triple_quoted,
)
from deployer.orchestrators.airflow.names import MAX_GROUP_ID, MAX_LENGTH, shortened

_NAMED = 3  # steps that the name of a group lists: of a longer body it has the first and the last

# Names that the DAG file uses itself. A variable of a step must not shadow one.
# fmt: off
RESERVED = frozenset((
    "AirflowFailException", "AirflowSkipException", "all_items", "annotations", "as_it_is", "as_metaflow", "Asset",
    "AssetAlias", "AssetOrTimeSchedule", "BashOperator", "conf", "CONTAINER", "CronTriggerTimetable", "DAG",
    "DatasetOrTimeSchedule", "datetime", "DEPLOYED", "difflib", "DOC", "ENDED", "ENVIRONMENT", "EVENTS", "event_values",
    "ExternalTaskSensor", "FLOW", "hashlib", "index", "in_pieces", "ITEM_VALUES", "json", "KubernetesPodOperator",
    "LARGE", "mappable", "metaflow_id", "MetaflowStep", "metaflow_step", "MFDEPLOY_RECORD", "moment_of",
    "MultipleCronTriggerTimetable", "no_parameter", "NO_RETRY", "Param", "Path", "PAYLOAD", "payload_of",
    "POD_ANNOTATIONS", "POD_ENVIRONMENT", "POD_FIELDS", "POD_LABELS", "POD_SPEC", "RESUME", "run_parameters", "RUNS_IF",
    "S3Hook", "S3KeySensor", "SCRIPT", "started_by", "SWITCHES", "sys", "task", "task_group", "tempfile", "timedelta",
    "timezone", "TRIGGERS", "typed",
))
# fmt: on
@dataclass(frozen=True)
class Argument:
    """A keyword argument of a call."""

    name: Source
    value: Source


@dataclass(frozen=True)
class Task:
    """One operator, assigned to a variable if something refers to it. `tasks` is empty, unlike that of a Group."""

    statement: Source
    tasks: tuple[Task, ...] = ()


@dataclass(frozen=True)
class Group:
    """The body of a foreach, or one part of it, as a task group that is mapped over the items of the foreach.

    `about` is what Airflow shows beside the group's name.
    """

    group_id: Source
    about: Source
    function: Source
    result: Source
    over: Source
    tasks: tuple[Task, ...]
    order: tuple[Source, ...]


@dataclass(frozen=True)
class Layout:
    """All tasks in graph order, and the lines that set the order of the outermost ones."""

    items: tuple[Task | Group, ...]
    order: tuple[Source, ...]


def arrange(
    flow: Flow,
    max_workers: int,
    extras: Mapping[str, Mapping[str, Source]],
    timeouts: Mapping[str, timedelta],
    reserved: Collection[str] = (),
) -> Layout:
    """The tasks of the DAG. `extras` are further arguments, `timeouts` those that are not the DAG's, by step name.

    `reserved` are names that the DAG file uses beside those of every one.
    """
    return _Arrangement(flow, max_workers, extras, timeouts, reserved).layout()


class _Arrangement:
    """Builds the layout of one flow. Chooses a variable for each task, group and list of items first."""

    def __init__(
        self,
        flow: Flow,
        max_workers: int,
        extras: Mapping[str, Mapping[str, Source]],
        timeouts: Mapping[str, timedelta],
        reserved: Collection[str],
    ) -> None:
        self.flow, self.max_workers, self.extras, self.timeouts = flow, max_workers, extras, timeouts
        self.part_of = graph.parts(flow)
        self.taken = {*RESERVED, *(hooks.RESERVED if flow.hooks else ()), *reserved}
        self.variables = {step.name: self._name(step.name) for step in flow.steps}
        self.groups = {
            (step.name, number): self._name(_numbered(f"{step.name}_items", number))
            for step in flow.steps
            if step.kind == "foreach"
            for number in range(self._last_part(step.name) + 1)
        }
        self.sensors = {sensor.name: self._name(sensor.name) for sensor in flow.sensors}
        self.lists = {
            step.name: self._name(f"all_{step.name}_items")
            for step in flow.steps
            if step.kind == "foreach" and step.foreaches
        }

    def layout(self) -> Layout:
        outer = [step for step in self.flow.steps if not step.foreaches]
        edges = [*self._edges_of_sensors(), *self._edges_of_groups(), *self._edges(outer)]
        order = _lines(edges)
        items: list[Task | Group] = [self._sensor(sensor) for sensor in self.flow.sensors]
        for step in outer:
            items.append(self._task(step, order))
            if step.kind == "foreach":
                items += self._body(step, self.variables[step.name])
        return Layout(tuple(items), order)

    def _sensor(self, sensor: Sensor) -> Task:
        name = self.sensors[sensor.name]
        operator = sensors.OPERATORS[sensor.kind]
        made = call(operator, (), sensors.call_arguments(sensor), 4, before=len(f"{name} = "))
        return Task(assignment(name, made))

    def _body(self, foreach: Step, items: Source) -> list[Task | Group]:
        """The groups of a foreach's body; after each, the item lists and groups of the foreaches nested in it."""
        found: list[Task | Group] = []
        over = items if foreach.foreaches else output(items)
        for number in range(self._last_part(foreach.name) + 1):
            steps = [
                step
                for step in self.flow.steps
                if step.foreaches[-1:] == (foreach.name,) and self.part_of[step.name] == number
            ]
            lines = _lines(self._edges(steps))
            found.append(
                Group(
                    group_id=literal(_group_id(steps)),
                    about=triple_quoted(f"For each item of {foreach.name}."),
                    function=self._name(_numbered(f"each_{foreach.name}", number)),
                    result=self.groups[foreach.name, number],
                    over=over,
                    tasks=tuple(self._task(step, lines) for step in steps),
                    order=lines,
                )
            )
            for step in steps:
                if step.kind == "foreach":
                    name = self.lists[step.name]
                    found.append(Task(assignment(name, task_call("all_items", list_task(step), step.name))))
                    found += self._body(step, name)
        return found

    def _task(self, step: Step, lines: Sequence[Source]) -> Task:
        name = self.variables[step.name]
        is_mapped_over = step.kind == "foreach" and not step.foreaches
        is_used = is_mapped_over or any(name.text in re.findall(r"\w+", line.text) for line in lines)
        timeout = self.timeouts.get(step.name)
        arguments = {**_arguments(self.flow, step, self.max_workers, timeout), **self.extras[step.name]}
        made = call("metaflow_step", (), arguments, column(step), before=len(f"{name} = ") if is_used else 0)
        return Task(assignment(name, made) if is_used else made)

    def _edges(self, steps: Sequence[Step]) -> Iterator[tuple[tuple[Source, ...], Source]]:
        """For each step of one level, or of one part of a body, the tasks that it follows.

        The mapping itself makes the body of a foreach follow the foreach step.
        """
        here = {step.name for step in steps}
        for step in steps:
            before = [self.variables[name] for name in step.previous if name in here]
            if step.joins in here and self.flow.step(step.joins).kind == "foreach":
                # All parts, not only the last one: it is skipped as a whole if switches skip it for every item.
                parts = sorted({self.part_of[name] for name in step.previous})
                before = [self.groups[step.joins, number] for number in parts]
            if before:
                yield tuple(before), self.variables[step.name]

    def _edges_of_sensors(self) -> Iterator[tuple[tuple[Source, ...], Source]]:
        if self.sensors:
            yield tuple(self.sensors.values()), self.variables[self.flow.start]

    def _edges_of_groups(self) -> Iterator[tuple[tuple[Source, ...], Source]]:
        """A nested foreach follows the part that it is in, and the next part follows it."""
        for step in self.flow.steps:
            if step.kind == "foreach" and step.foreaches:
                yield (self.groups[step.foreaches[-1], self.part_of[step.name]],), self.lists[step.name]
        for (foreach, number), group in self.groups.items():
            inner = [
                self.groups[step.name, self._last_part(step.name)]
                for step in self.flow.steps
                if step.kind == "foreach"
                and step.foreaches[-1:] == (foreach,)
                and self.part_of[step.name] == number - 1
            ]
            if inner:
                yield tuple(inner), group

    def _last_part(self, foreach: str) -> int:
        return max(self.part_of[step.name] for step in self.flow.steps if step.foreaches[-1:] == (foreach,))

    def _name(self, wanted: str) -> Source:
        found = identifier(wanted, self.taken)
        self.taken.add(found.text)
        return found


def as_arguments(values: Mapping[str, Source]) -> tuple[Argument, ...]:
    """Keyword arguments with names that the renderer itself chose."""
    return tuple(Argument(constant(name), value) for name, value in values.items())


def column(step: Step) -> int:
    """The column at which the statement of the step's task starts."""
    return 8 if step.foreaches else 4


def list_task(foreach: Step) -> str:
    """The id of the task whose result is the list of all items of a foreach."""
    return shortened(f"all-{foreach.name}-items", MAX_LENGTH) if foreach.foreaches else foreach.name


def task_ids(flow: Flow) -> list[str]:
    """The ids of the DAG's tasks and task groups, without those of sensors."""
    part_of = graph.parts(flow)
    found = [step.name for step in flow.steps]
    for step in flow.steps:
        if step.kind == "foreach":
            body = [inner for inner in flow.steps if inner.foreaches[-1:] == (step.name,)]
            numbers = sorted({part_of[inner.name] for inner in body})
            found += [_group_id([inner for inner in body if part_of[inner.name] == number]) for number in numbers]
            found += [list_task(step)] if step.foreaches else []
    return [*found, *map(hooks.task_id, flow.hooks)]


def _group_id(steps: Sequence[Step]) -> str:
    """The id of a task group: made of the steps in it, and shortened where it is too long.

    It is no part of the ids of its tasks: those keep their history whatever the group is called.
    """
    listed = [step.name for step in steps]
    if len(listed) > _NAMED:
        listed = [listed[0], "to", listed[-1]]
    return shortened("-".join(("foreach", *listed)), MAX_GROUP_ID)


def _numbered(name: str, number: int) -> str:
    return f"{name}_{number + 1}" if number else name


def _arguments(flow: Flow, step: Step, max_workers: int, timeout: timedelta | None) -> dict[str, Source]:
    found: dict[str, Source] = {"task_id": literal(step.name)}

    def put(name: str, value: object) -> None:
        found[name] = literal(value, column(step) + 4)

    if step.doc:
        put("doc_md", step.doc)
    if step.foreaches:
        found["metaflow_index"] = constant("index")
    if step.previous:
        put("inputs", list(step.previous))
    if step.kind == "foreach":
        put("is_foreach", True)
    if step.kind == "switch":
        put("is_switch", True)
    if step.parallel:
        put("is_parallel", True)
    if step.joins and flow.step(step.joins).kind == "parallel":
        put("joins_parallel", True)
    if graph.is_first_in_foreach(step):
        put("first_in_foreach", True)
    if step.joins and flow.step(step.joins).kind == "foreach":
        put("joins_foreach", list_task(flow.step(step.joins)))
    if step.foreaches:
        put("max_active_tis_per_dagrun", max_workers)
    if flow.sensors and not step.previous and any(other.kind == "switch" for other in flow.steps):
        # The rule of a step with switches would start it after one sensor although another was skipped.
        put("trigger_rule", "all_success")
    retries = step.retries.times + step.retries.fallback
    if retries:
        put("retries", retries)
        found["retry_delay"] = duration(timedelta(minutes=step.retries.minutes_between))
    if step.retries.fallback:
        put("fallback_retries", step.retries.fallback)
    if timeout is not None:
        found["execution_timeout"] = duration(timeout)
    outlets = ["ENDED"] if step.name == flow.end else []
    outlets += ["EVENTS"] if flow.code.publishes_events else []
    if outlets:
        found["outlets"] = list_of([constant(name) for name in outlets])
    return found


def _lines(edges: Iterable[tuple[tuple[Source, ...], Source]]) -> tuple[Source, ...]:
    """The edges as lines such as ``start >> [a, b] >> join``."""
    after: dict[tuple[Source, ...], list[Source]] = {}
    for before, name in edges:
        after.setdefault(before, []).append(name)
    lines: list[list[Source]] = []
    tails: dict[tuple[Source, ...], list[Source]] = {}
    for before, following in after.items():
        # Airflow does not support `list >> list`.
        for part in [[name] for name in following] if len(before) > 1 else [following]:
            line = tails.pop(before, None)
            if line is None:
                line = [names(before)]
                lines.append(line)
            line.append(names(part))
            tails[tuple(part)] = line
    return tuple(joined(line, " >> ") for line in lines)
