"""mfdeploy logs: what the tasks of a run wrote."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from deployer.context import Context
from deployer.errors import DeployError, Diagnostic, nearest
from deployer.models.live import Live, LiveRun, LiveTask, LogLine
from deployer.models.selection import Selection
from deployer.pipeline.live import DeployedFlow, reported, running_flow

_STEP = re.compile(r"(?P<step>[^\[\]]+)(?:\[(?P<index>\d+)\])?\Z")
_POLL = 2.0
_BEGUN = frozenset({"running", "success", "failed", "up_for_retry", "restarting", "deferred", "up_for_reschedule"})


@dataclass(frozen=True)
class RunLogs:
    """The chosen tasks of a run; `read` gives the log of one of them."""

    flow: DeployedFlow
    live: Live
    run: LiveRun
    tasks: Sequence[LiveTask]

    def read(self, task: LiveTask) -> Iterator[LogLine]:
        """The lines that there are so far. Raises DeployError."""
        with reported(self.flow.environment):
            yield from self.live.log(self.flow.name, self.run.run_id, task)


def logs(
    selection: Selection, flow: str, environment: str, run_id: str | None, step: str | None, context: Context
) -> RunLogs:
    """The logs of a run (None: the newest): of a step, of an item as in ``fit[3]``, or of all that failed.

    If none failed, those of all tasks. Raises DeployError.
    """
    with running_flow(selection, flow, environment, context) as (found, live):
        run = find_run(live, found, run_id)
        tasks = _begun(live, found, run)
    return RunLogs(found, live, run, _chosen(tasks, step))


def follow(found: RunLogs, context: Context) -> Iterator[tuple[LiveTask, LogLine]]:
    """The lines of the chosen tasks as they are written, until the run has ended. Raises DeployError."""
    shown: dict[tuple[str, int, int], int] = {}
    names = {(task.step, task.index) for task in found.tasks}
    while True:
        with reported(found.flow.environment):
            run = found.live.run(found.flow.name, found.run.run_id)
            tasks = _begun(found.live, found.flow, run)
        for task in tasks:
            if names and (task.step, task.index) not in names:
                continue
            key = (task.step, task.index, task.attempt)
            lines = list(found.read(task))
            for line in lines[shown.get(key, 0) :]:
                yield task, line
            shown[key] = len(lines)
        if run.ended:
            return
        context.sleep(_POLL)


def find_run(live: Live, flow: DeployedFlow, run_id: str | None) -> LiveRun:
    """A run by its id, or the newest. Raises DeployError if there is none, and LiveError."""
    if run_id is not None:
        return live.run(flow.name, run_id)
    newest = live.runs(flow.name, 1)
    if not newest:
        hint = f"`mfdeploy run {flow.record.address.partition('/')[2]} --env {flow.environment.name}` starts one"
        raise DeployError(Diagnostic("no-run", f"{flow.record.address} has not run yet", hint=hint))
    return newest[0]


def _begun(live: Live, flow: DeployedFlow, run: LiveRun) -> list[LiveTask]:
    """The tasks of a run that have a log."""
    return [task for task in live.tasks(flow.name, run.run_id) if task.state in _BEGUN]


def _chosen(tasks: Sequence[LiveTask], step: str | None) -> Sequence[LiveTask]:
    if step is None:
        return [task for task in tasks if task.state == "failed"] or tasks
    found = _STEP.match(step)
    index = found["index"] if found else None
    chosen = [
        task for task in tasks if found and task.step == found["step"] and (index is None or task.index == int(index))
    ]
    if not chosen:
        names = _names(tasks)
        hint = nearest(step, names) or f"its tasks are {', '.join(names[:20])}"
        raise DeployError(Diagnostic("unknown-step", f"the run has no task {step!r} that began", hint=hint))
    return chosen


def _names(tasks: Iterable[LiveTask]) -> list[str]:
    return [task.step if task.index < 0 else f"{task.step}[{task.index}]" for task in tasks]
