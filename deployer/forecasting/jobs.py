"""What is simulated: jobs with their starts, each run of which is a graph of groups of equal tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Group:
    """The tasks of a step in one run: `count` of them, each of which takes `seconds`.

    `after` are the indexes of the groups that must be over before it starts. Of those in `along`, which have as many
    tasks, only the n-th task must be over before the n-th of this one starts. `at_once` limits how many tasks of a run
    are active (0: no limit). Where slots are short, tasks of a higher `weight` come first. `cpu` is in thousandths,
    `memory` in MB; both and `gpus` are of one task.
    """

    name: str
    seconds: int
    count: int = 1
    after: tuple[int, ...] = ()
    along: tuple[int, ...] = ()
    at_once: int = 0
    weight: int = 1
    pool: str = ""
    cpu: int = 0
    memory: int = 0
    gpus: int = 0


@dataclass(frozen=True)
class Job:
    """A deployment. `groups` stand in an order in which each follows those that it waits for.

    A run starts at each of `starts` (ascending), and whenever runs of all jobs in `after` (indexes) have ended since
    the last time. `max_runs` of them are active at once, each with `max_tasks` tasks (0: no limit).
    """

    name: str
    groups: tuple[Group, ...]
    starts: Sequence[int] = ()
    after: tuple[int, ...] = ()
    max_runs: int = 0
    max_tasks: int = 0


@dataclass(frozen=True)
class Limits:
    """How many tasks run at once in all (0: no limit), and in each pool that has a limit."""

    slots: int = 0
    pools: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Interval:
    """`count` tasks of a group that ran from `begin` to `end`, in the run number `run` (from 0) of a job."""

    job: int
    run: int
    group: int
    begin: int
    end: int
    count: int


@dataclass(frozen=True)
class Measured:
    """What earlier runs showed of a step: how many tasks of it a run has, and how many seconds each takes."""

    seconds: int
    count: int


@dataclass(frozen=True)
class Assumptions:
    """What is taken for the steps that no run showed: the seconds of a task, and the items of each foreach.

    `measured` has the steps of a deployment that runs showed, by name.
    """

    seconds: int
    items: int
    measured: Mapping[str, Measured] = field(default_factory=dict)
