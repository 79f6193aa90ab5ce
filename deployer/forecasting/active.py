"""The runs that are active in a simulation, and what it looks up of their jobs."""

from __future__ import annotations

from dataclasses import replace

from deployer.forecasting.jobs import Group, Job, Limits
from deployer.forecasting.load import load_of

NO_LIMIT = 1 << 60
# The place in a queue as one number: the heaviest group first, then the earliest run, then jobs, runs and groups in
# their order. From which bit on each part stands:
_WEIGHT, _AT, _JOB, _NUMBER = 120, 80, 50, 14
_HEAVIEST = 1 << 40


class ActiveRun:
    """An active run: how many tasks of each group are ready, are active and are over."""

    __slots__ = ("active", "delayed", "job", "key", "left", "number", "over", "ready", "running", "waits", "wanted")

    def __init__(self, job: int, number: int, at: int, plan: JobPlan, *, delayed: bool) -> None:
        size = len(plan.counts)
        self.job, self.number = job, number
        # The order among groups of equal weight.
        self.key = (at << _AT) + (job << _JOB) + (number << _NUMBER)
        self.waits = list(plan.waits)
        self.ready, self.running, self.over = [0] * size, [0] * size, [0] * size
        self.wanted = [0] * size  # how many tasks of the group are in the queue of its pool
        self.active, self.left = 0, size
        self.delayed = delayed  # whether something of it was later than it is while nothing has to wait


class JobPlan:
    """What the simulation looks up of a job, computed once."""

    def __init__(self, job: Job, limits: Limits) -> None:
        groups = [_settled(group) for group in job.groups]
        self.counts = [group.count for group in groups]
        self.seconds = [max(group.seconds, 1) for group in groups]
        self.loads = [load_of(group) for group in groups]
        self.at_once = [group.at_once or NO_LIMIT for group in groups]
        self.weights = [max(_HEAVIEST - group.weight, 0) << _WEIGHT for group in groups]
        self.pools = [group.pool if group.pool in limits.pools else "" for group in groups]
        self.waits = [len(group.after) for group in groups]
        self.along = [group.along for group in groups]
        self.followers = [
            [n for n, group in enumerate(groups) if number in group.after] for number in range(len(groups))
        ]
        self.alongside = [
            [n for n, group in enumerate(groups) if number in group.along] for number in range(len(groups))
        ]
        self.first = [n for n, group in enumerate(groups) if not group.after and not group.along]
        self.max_runs, self.max_tasks = job.max_runs or NO_LIMIT, job.max_tasks or NO_LIMIT


def _settled(group: Group) -> Group:
    """A group without tasks has none that could follow others one by one."""
    return group if group.count else replace(group, after=(*group.after, *group.along), along=())


def allowed_of(run: ActiveRun, plan: JobPlan, group: int) -> int:
    """How many ready tasks of a group the limits of its run allow to start."""
    # Asked millions of times: comparisons take a third of the time of `min`.
    count = run.ready[group]
    room = plan.at_once[group] - run.running[group]
    if room < count:
        count = room
    room = plan.max_tasks - run.active
    if room < count:
        count = room
    return count if count > 0 else 0
