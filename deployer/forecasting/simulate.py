"""A simulation of the scheduler: when each run and each of its tasks starts, with the limits that Airflow has.

A run waits while `max_runs` of its job are active. A task starts as soon as what it waits for is over, the limits of
its run allow it, and a slot is free in its pool and in all; where slots are short, the one of the highest weight
comes first, then the one whose run started first. No time passes between two tasks that follow each other. Tasks of a
group that start at the same moment are one event, so that a wide foreach costs no more than a narrow one.
"""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from typing import Any, Protocol

from deployer.forecasting.active import NO_LIMIT, ActiveRun, JobPlan, allowed_of
from deployer.forecasting.jobs import Interval, Job, Limits
from deployer.forecasting.load import RUN
from deployer.forecasting.outcome import Course

_ENDS, _COPY_ENDS, _BEGINS = 0, 1, 2  # what ends at a moment makes room for what starts then
_TRIGGERED = -1  # in place of the number of a start: the run starts since others have ended


class Copies(Protocol):
    """What is known of the runs while no task waits: then each is a copy of the first of its job."""

    def expects(self, job: int, number: int, at: int) -> bool:
        """Whether this run of a job begins at this moment if nothing has to wait."""

    def fits(self, job: int, at: int) -> bool:
        """Whether there is room for everything while a run that begins at this moment is active."""

    def play(self, job: int, at: int, course: Course) -> int:
        """Add a run that begins at this moment to a course; how many seconds it takes."""


def simulate(
    jobs: Sequence[Job],
    limits: Limits,
    begin: int,
    until: int,
    note: Callable[[Interval], None] | None = None,
    copies: Copies | None = None,
    *,
    drain: bool = False,
) -> Course:
    """Simulate all jobs up to a moment, or with `drain` until nothing is left to do. `note` gets all tasks.

    With `copies` only those runs are simulated task by task for which that makes a difference; of the others `note`
    gets nothing.
    """
    simulation = _Simulation(jobs, limits, Course(begin, until), note, copies)
    # Millions of small objects, none of them in a circle: looking for circles would take a sixth of the time.
    collects = gc.isenabled()
    gc.disable()
    try:
        return simulation.run(NO_LIMIT if drain else until)
    finally:
        if collects:
            gc.enable()


class _Simulation:
    def __init__(
        self,
        jobs: Sequence[Job],
        limits: Limits,
        course: Course,
        note: Callable[[Interval], None] | None,
        copies: Copies | None,
    ) -> None:
        self.jobs, self.course, self.note, self.copies = jobs, course, note, copies
        self.plans = [JobPlan(job, limits) for job in jobs]
        self.free = limits.slots or NO_LIMIT
        self.room = {"": NO_LIMIT, **limits.pools}
        self.queues: dict[str, list[tuple[int, int, ActiveRun, int]]] = {pool: [] for pool in self.room}
        self.queued = 0  # tasks in the queues
        self.backlog = 0  # those that nobody started at an earlier moment
        self.late: list[deque[int]] = [deque() for _ in jobs]
        self.late_count = 0
        self.active = [0] * len(jobs)
        self.numbers = [0] * len(jobs)
        self.delayed = 0  # active runs that are
        self.sequence = 0
        self.events: list[tuple[int, int, int, Any, int, int]] = []
        self.followers: list[list[int]] = [[] for _ in jobs]
        self.missing: list[set[int]] = [set(job.after) for job in jobs]
        for number, job in enumerate(jobs):
            for upstream in job.after:
                self.followers[upstream].append(number)
            if job.starts:
                self._push(job.starts[0], _BEGINS, number, 0, 0)

    def _push(self, at: int, kind: int, what: Any, group: int, count: int) -> None:
        self.sequence += 1
        heappush(self.events, (at, kind, self.sequence, what, group, count))

    def run(self, until: int) -> Course:
        events, course = self.events, self.course
        now = course.begin
        while events and events[0][0] < until:
            at = events[0][0]
            if self.queued or self.late_count:
                course.wait(now, at, self.queued, self.late_count)
            now = at
            while events and events[0][0] == at:
                _, kind, _, what, group, count = heappop(events)
                if kind == _BEGINS:
                    self._due(what, group, at)
                elif kind == _ENDS:
                    self._ended(what, group, count, at)
                else:
                    self._finished(what, at)
            if self.queued:
                self._dispatch(at)
            self.backlog = self.queued
        course.wait(now, course.until, self.queued, self.late_count)
        return course

    def _change(self, at: int, load: int) -> None:
        changes = self.course.changes
        changes[at] = changes.get(at, 0) + load

    def _due(self, job: int, index: int, at: int) -> None:
        """The time of the schedule has come. The next one is put in, so that the heap stays small."""
        starts = self.jobs[job].starts
        if index != _TRIGGERED and index + 1 < len(starts):
            self._push(starts[index + 1], _BEGINS, job, index + 1, 0)
        self._wanted(job, at)

    def _wanted(self, job: int, at: int) -> None:
        if self.active[job] < self.plans[job].max_runs:
            self._begin(job, at, at)
        else:
            self.late[job].append(at)
            self.late_count += 1

    def _begin(self, job: int, planned: int, at: int) -> None:
        plan, course, copies = self.plans[job], self.course, self.copies
        number = self.numbers[job]
        self.numbers[job] += 1
        self.active[job] += 1
        if at >= course.begin:
            course.started[job] = course.started.get(job, 0) + 1
        is_expected = copies is None or copies.expects(job, number, at)
        if copies and is_expected and not self.delayed and not self.backlog and copies.fits(job, at):
            self._push(at + copies.play(job, at, course), _COPY_ENDS, job, 0, 0)
            return
        self._change(at, RUN)
        self.delayed += not is_expected
        run = ActiveRun(job, number, planned, plan, delayed=not is_expected)
        if not run.left:
            self._completed(run, at)
            return
        for group in plan.first:
            self._make_ready(run, plan, group, at)

    def _make_ready(self, run: ActiveRun, plan: JobPlan, group: int, at: int) -> None:
        """What has nothing to wait for but room is put in the queue."""
        if run.waits[group]:
            return
        count = plan.counts[group]
        if count == 0:
            self._over(run, plan, group, at)
            return
        along = plan.along[group]
        if along:
            more = min(run.over[other] for other in along) - run.ready[group] - run.running[group] - run.over[group]
        else:
            more = count
        if more > 0:
            run.ready[group] += more
            self._offer(run, plan, group, at)

    def _offer(self, run: ActiveRun, plan: JobPlan, group: int, at: int) -> None:
        """Put the tasks of a group in the queue of its pool, as many as the limits of its run allow."""
        wanted = allowed_of(run, plan, group)
        had = run.wanted[group]
        if wanted <= had:
            return
        run.wanted[group] = wanted
        self.queued += wanted - had
        if not had:
            heappush(self.queues[plan.pools[group]], (plan.weights[group] + run.key + group, at, run, group))

    def _dispatch(self, at: int) -> None:
        """Start what is in the queues, while there is room."""
        pools = [pool for pool, queue in self.queues.items() if queue]
        while pools and self.free > 0:
            pools = [pool for pool in pools if self.queues[pool] and self.room[pool] > 0]
            if len(pools) == 1:
                self._drain(pools[0], at, NO_LIMIT)
                return
            if pools:
                self._drain(min(pools, key=lambda name: self.queues[name][0][0]), at, 1)

    def _drain(self, pool: str, at: int, most: int) -> None:
        """Start what is in the queue of one pool, at most so many of its entries."""
        queue, plans = self.queues[pool], self.plans
        while queue and most and self.free > 0 and self.room[pool] > 0:
            most -= 1
            key, offered, run, group = heappop(queue)
            plan = plans[run.job]
            if offered < at and not run.delayed:
                run.delayed = True
                self.delayed += 1
            count = allowed = allowed_of(run, plan, group)
            if count > self.free:
                count = self.free
            if count > self.room[pool]:
                count = self.room[pool]
            left = allowed - count
            self.queued += left - run.wanted[group]
            run.wanted[group] = left
            if left:
                heappush(queue, (key, offered, run, group))
            if count:
                self._start(run, plan, group, count, at)

    def _start(self, run: ActiveRun, plan: JobPlan, group: int, count: int, at: int) -> None:
        self.free -= count
        self.room[plan.pools[group]] -= count
        run.ready[group] -= count
        run.running[group] += count
        run.active += count
        if plan.max_tasks < NO_LIMIT:
            self._recount(run, plan)
        self._change(at, plan.loads[group] * count)
        end = at + plan.seconds[group]
        self._push(end, _ENDS, run, group, count)
        if self.course.begin <= at < self.course.until:
            self.course.tasks += count
        if self.note:
            self.note(Interval(run.job, run.number, group, at, end, count))

    def _recount(self, run: ActiveRun, plan: JobPlan) -> None:
        """A task has taken one of the run's own places: others of the run wait for that now, and not for a slot."""
        for group, wanted in enumerate(run.wanted):
            if wanted:
                allowed = allowed_of(run, plan, group)
                self.queued += min(allowed, wanted) - wanted
                run.wanted[group] = min(allowed, wanted)

    def _ended(self, run: ActiveRun, group: int, count: int, at: int) -> None:
        plan = self.plans[run.job]
        self.free += count
        self.room[plan.pools[group]] += count
        run.running[group] -= count
        run.over[group] += count
        run.active -= count
        self._change(at, -plan.loads[group] * count)
        for other in plan.alongside[group]:
            self._make_ready(run, plan, other, at)
        if run.over[group] == plan.counts[group]:
            self._over(run, plan, group, at)
        elif run.ready[group]:
            self._offer(run, plan, group, at)
        if plan.max_tasks < NO_LIMIT:
            for other, ready in enumerate(run.ready):
                if ready:
                    self._offer(run, plan, other, at)

    def _over(self, run: ActiveRun, plan: JobPlan, group: int, at: int) -> None:
        """All tasks of a group have ended."""
        for other in plan.followers[group]:
            run.waits[other] -= 1
            self._make_ready(run, plan, other, at)
        # Only now: those after it may be over already.
        run.left -= 1
        if not run.left:
            self._completed(run, at)

    def _completed(self, run: ActiveRun, at: int) -> None:
        self._change(at, -RUN)
        self.delayed -= run.delayed
        self._finished(run.job, at)

    def _finished(self, job: int, at: int) -> None:
        """A run has ended: the next one of its job may begin, and those that it starts."""
        self.active[job] -= 1
        if self.late[job]:
            self.late_count -= 1
            self._begin(job, self.late[job].popleft(), at)
        for following in self.followers[job]:
            self.missing[following].discard(job)
            if not self.missing[following]:
                self.missing[following] = set(self.jobs[following].after)
                # At the same moment, but after all that ends now.
                self._push(at, _BEGINS, following, _TRIGGERED, 0)
