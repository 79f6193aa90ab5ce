"""mfdeploy retry: run what failed in a run again, and everything after it."""

from __future__ import annotations

from dataclasses import dataclass

from deployer.commands.logs import find_run
from deployer.context import Context
from deployer.errors import DeployError, Diagnostic
from deployer.models.live import LiveRun
from deployer.models.selection import Selection
from deployer.pipeline.live import DeployedFlow, running_flow


@dataclass(frozen=True)
class RetryResult:
    """The run of which `tasks` tasks were reset, and its page."""

    flow: DeployedFlow
    run: LiveRun
    tasks: int
    page: str


def retry(selection: Selection, flow: str, environment: str, run_id: str | None, context: Context) -> RetryResult:
    """Reset the failed tasks of a run (None: the newest) and all tasks after them. Raises DeployError."""
    with running_flow(selection, flow, environment, context) as (found, live):
        run = find_run(live, found, run_id)
        failed = [task for task in live.tasks(found.name, run.run_id) if task.state == "failed"]
        if not failed:
            message = f"no task of the run {run.run_id} of {found.record.address} failed: it is {run.state}"
            raise DeployError(Diagnostic("nothing-failed", message))
        count = live.retry(found.name, run.run_id, failed)
        return RetryResult(found, run, count, live.page(found.name, run.run_id))
