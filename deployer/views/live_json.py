"""What a running orchestrator says, as JSON values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from deployer.models.live import LiveRun, LiveTask, Published
from deployer.models.types import FrozenModel, Several
from deployer.pipeline.live import DeployedFlow, FlowStatus


class RunState(FrozenModel):
    """A run of a deployment."""

    run_id: str
    state: Annotated[str, Field(description="queued, running, success or failed.")]
    kind: Annotated[str, Field(description="What started it: scheduled, manual, backfill, asset_triggered.")]
    queued_at: str | None
    started_at: str | None
    ended_at: str | None
    logical_date: str | None


class LiveState(FrozenModel):
    """What the orchestrator has of a deployment."""

    version: str | None
    paused: bool
    stale: Annotated[bool, Field(description="Whether the file is gone.")]
    active_runs: int | None
    next_run: str | None
    last_run: RunState | None


class FlowState(FrozenModel):
    """One deployed flow."""

    address: str
    environment: str
    name: str
    state: Annotated[
        str,
        Field(description="current, behind, unknown (not there yet), gone, broken (import error) or unchecked."),
    ]
    version: Annotated[str | None, Field(description="Of what is deployed.")]
    applied_by: str | None
    applied_at: str | None
    commit: str | None
    drifted: Annotated[bool, Field(description="Whether the file was edited after it was applied.")]
    airflow: LiveState | None
    import_error: str | None


class Status(FrozenModel):
    """The state of deployments."""

    flows: Several[FlowState]


def status_to_json(flows: Sequence[FlowStatus]) -> dict[str, Any]:
    """The state of each flow."""
    return Status(flows=tuple(map(_flow, flows))).model_dump(mode="json")


def runs_to_json(flow: DeployedFlow, runs: Sequence[LiveRun], page: str) -> dict[str, Any]:
    """The runs of a flow, newest first, and the `page` that shows them."""
    return {"address": flow.record.address, "name": flow.name, "page": page, "runs": [run_to_json(run) for run in runs]}


def run_to_json(run: LiveRun) -> dict[str, Any]:
    """One run."""
    return _run(run).model_dump(mode="json")


def task_to_json(task: LiveTask) -> dict[str, Any]:
    """One task of a run."""
    index = task.index if task.index >= 0 else None
    return {
        "step": task.step,
        "index": index,
        "state": task.state,
        "attempt": task.attempt,
        "started_at": task.started_at,
        "ended_at": task.ended_at,
        "pathspec": task.pathspec,
    }


def _flow(found: FlowStatus) -> FlowState:
    record = found.flow.record
    provenance = record.provenance
    return FlowState(
        address=record.address,
        environment=record.environment,
        name=record.name,
        state=found.state,
        version=found.flow.version,
        applied_by=provenance.applied_by if provenance else None,
        applied_at=provenance.applied_at if provenance else None,
        commit=provenance.commit if provenance else None,
        drifted=not found.flow.item.intact,
        airflow=_live(found),
        import_error=found.import_error.traceback if found.import_error else None,
    )


def _live(found: FlowStatus) -> LiveState | None:
    live = found.live
    if live is None:
        return None
    return LiveState(
        version=live.version,
        paused=live.paused,
        stale=live.stale,
        active_runs=live.active_runs,
        next_run=live.next_run,
        last_run=_run(found.last_run) if found.last_run else None,
    )


def _run(run: LiveRun) -> RunState:
    return RunState(
        run_id=run.run_id,
        state=run.state,
        kind=run.kind,
        queued_at=run.queued_at,
        started_at=run.started_at,
        ended_at=run.ended_at,
        logical_date=run.logical_date,
    )


def published_to_json(published: Published) -> dict[str, Any]:
    """What became of an event."""
    return {
        "event": published.event.name,
        "id": published.event.id,
        "runs": [{"name": run.name, **run_to_json(run)} for run in published.runs],
        "noted_for": list(published.together),
    }
