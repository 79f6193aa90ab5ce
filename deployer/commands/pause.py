"""mfdeploy pause and unpause: whether a deployed flow starts runs by its schedule."""

from __future__ import annotations

from deployer.context import Context
from deployer.models.selection import Selection
from deployer.pipeline.live import DeployedFlow, running_flow


def pause(selection: Selection, flow: str, environment: str, context: Context, *, paused: bool) -> DeployedFlow:
    """Pause or unpause a deployed flow. Raises DeployError."""
    with running_flow(selection, flow, environment, context) as (found, live):
        live.pause(found.name, paused=paused)
    return found
