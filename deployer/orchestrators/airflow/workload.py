"""What a run of a DAG makes of a flow's steps: groups of tasks with the limits that the DAG file sets.

As in the DAG file: of a foreach's body the n-th task of a step waits for the n-th one of the step before it, since a
task group is mapped over the items; a foreach inside of a foreach divides the body into parts, each of which waits for
all of the one before (see `graph.parts`). `max_active_tasks` is never reached before the limits of the steps are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from deployer.forecasting.jobs import Assumptions, Group, Job
from deployer.models.description import Description
from deployer.models.flow import Code, Flow, Step
from deployer.orchestrators.airflow import graph

DEFAULT_POOL = "default_pool"


def job_of(name: str, description: Description, assumed: Assumptions) -> Job:
    """The job that a deployment is, without its starts."""
    steps = _steps(description)
    groups = _Groups(description, steps, assumed)
    max_runs = description.settings.value("max_active_runs")
    return Job(name, tuple(map(groups.group, steps)), max_runs=_positive(max_runs))


class _Groups:
    def __init__(self, description: Description, steps: Sequence[Step], assumed: Assumptions) -> None:
        self.description, self.assumed = description, assumed
        self.steps = {step.name: step for step in steps}
        self.numbers = {step.name: number for number, step in enumerate(steps)}
        self.part_of = graph.parts(_flow(steps))
        self.below = _below(steps)
        settings = description.settings
        self.pool = str(settings.value("worker_pool") or DEFAULT_POOL)
        self.priority = _positive(settings.value("priority")) or 1
        self.max_workers = _positive(settings.value("max_workers"))

    def group(self, step: Step) -> Group:
        resources = self.description.resources.get(step.name, {})
        count = self.count(step)
        same = [name for name in step.previous if self.is_in_the_same_part(name, step)]
        along = [name for name in same if self.count(self.steps[name]) == count]
        after = {*self.before(step, same), *same} - {*along}
        found = self.assumed.measured.get(step.name)
        return Group(
            name=step.name,
            seconds=found.seconds if found else self.assumed.seconds,
            count=count,
            after=self.indexes(after),
            along=self.indexes(along),
            at_once=self.max_workers if step.foreaches else 0,
            # Airflow's rule `downstream`: the weights of all tasks that come after it are added.
            weight=self.priority * (1 + len(self.below[step.name])),
            pool=self.pool,
            cpu=round(_number(resources.get("cpu")) * 1000),
            memory=round(_number(resources.get("memory"))),
            gpus=round(_number(resources.get("gpu"))),
        )

    def count(self, step: Step) -> int:
        found = self.assumed.measured.get(step.name)
        return min(found.count if found else self.assumed.items ** len(step.foreaches), _MOST_TASKS)

    def is_in_the_same_part(self, name: str, step: Step) -> bool:
        other = self.steps[name]
        is_same = bool(step.foreaches) and other.foreaches == step.foreaches
        return is_same and self.part_of[name] == self.part_of[step.name]

    def before(self, step: Step, same: Sequence[str]) -> set[str]:
        """The steps of which all tasks must be over, and that are not in the same part of a foreach's body."""
        found: set[str] = set()
        for name in step.previous:
            if name in same:
                continue
            other = self.steps[name]
            if len(other.foreaches) > len(step.foreaches):
                # A join: after all of the body that it closes.
                found |= {each.name for each in self.steps.values() if other.foreaches[-1] in each.foreaches}
            elif other.foreaches and len(step.foreaches) > len(other.foreaches):
                # The first step of a foreach in a foreach: after all of the part in which the outer one stands.
                found |= {each for each in self.steps if self.is_in_the_same_part(each, other)}
            else:
                found.add(name)
        return found - {step.name}

    def indexes(self, names: set[str] | Sequence[str]) -> tuple[int, ...]:
        """The numbers of steps. What would come later, in a graph that no flow has, is left out."""
        return tuple(sorted(self.numbers[name] for name in names))


def _steps(description: Description) -> list[Step]:
    """The steps of a described graph in an order in which each follows those before it, with their foreaches."""
    nodes = description.graph.steps
    previous: dict[str, list[str]] = {name: [] for name in nodes}
    for name, node in nodes.items():
        for following in dict.fromkeys(node.next):
            if following in previous:
                previous[following].append(name)
    waits = {name: len(found) for name, found in previous.items()}
    order = [name for name in nodes if not waits[name]]
    foreaches: dict[str, tuple[str, ...]] = {}
    found: list[Step] = []
    for name in order:
        node, before = nodes[name], previous[name]
        inside = foreaches[before[0]] if before else ()
        if before and nodes[before[0]].kind == "foreach":
            inside = (*inside, before[0])
        if node.joins in foreaches:
            inside = foreaches[node.joins]
        foreaches[name] = inside
        found.append(
            Step(name, node.kind, 0, next=node.next, previous=tuple(before), foreaches=inside, joins=node.joins)
        )
        for following in dict.fromkeys(node.next):
            if following in waits:
                waits[following] -= 1
                if not waits[following]:
                    order.append(following)
    return found


def _flow(steps: Sequence[Step]) -> Flow:
    """The steps as a flow, for the rules about its graph."""
    return Flow("", "", 0, "", "", "", tuple(steps), (), Code({}, "", ""))


def _below(steps: Sequence[Step]) -> Mapping[str, frozenset[str]]:
    """All steps that come after each."""
    found: dict[str, frozenset[str]] = {}
    for step in reversed(steps):
        after = [name for name in step.next if name in found]
        found[step.name] = frozenset(after).union(*(found[name] for name in after))
    return found


def _positive(value: JsonValue) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _number(value: JsonValue) -> float:
    """An amount as Metaflow takes it; 0 for none, and for what is no amount."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return 0
    try:
        found = float(value)
    except ValueError:
        return 0
    return found if 0 < found < _MOST else 0


_MOST_TASKS = 100_000  # of a step in one run: more than Airflow could map
_MOST = 1e9  # more than any cluster has: what is above it is no amount, and would not fit into a load
