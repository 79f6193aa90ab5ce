"""mfdeploy stop: end an active run."""

from __future__ import annotations

from collections.abc import Sequence

from deployer.context import Context
from deployer.errors import DeployError, Diagnostic
from deployer.models.live import Live, LiveRun
from deployer.models.selection import Selection
from deployer.pipeline.live import DeployedFlow, running_flow


def stop(selection: Selection, flow: str, environment: str, run_id: str | None, context: Context) -> LiveRun:
    """End a run (None: the only active one): what runs of it is killed. Raises DeployError."""
    with running_flow(selection, flow, environment, context) as (found, live):
        run = live.run(found.name, run_id) if run_id is not None else _only(found, _active(live, found))
        if run.ended:
            message = f"the run {run.run_id} of {found.record.address} has ended: {run.state}"
            raise DeployError(Diagnostic("run-ended", message))
        live.stop(found.name, run.run_id)
    return run


def _active(live: Live, flow: DeployedFlow) -> Sequence[LiveRun]:
    return live.runs(flow.name, 100, ("running", "queued"))


def _only(flow: DeployedFlow, active: Sequence[LiveRun]) -> LiveRun:
    if len(active) == 1:
        return active[0]
    message = f"{len(active) or 'no'} runs of {flow.record.address} are active"
    hint = f"name one: {', '.join(run.run_id for run in active[:5])}" if active else ""
    raise DeployError(Diagnostic("no-run" if not active else "several-runs", message, hint=hint))
