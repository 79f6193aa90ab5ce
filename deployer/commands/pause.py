"""mfdeploy pause and unpause: whether a deployed flow starts runs by its schedule."""

from __future__ import annotations

from deployer.context import Context
from deployer.models.selection import Selection
from deployer.pipeline.live import DeployedFlow, find_deployed, live_of, reported


def pause(selection: Selection, flow: str, environment: str, context: Context, *, paused: bool) -> DeployedFlow:
    """Pause or unpause a deployed flow. Raises DeployError."""
    found = find_deployed(selection, flow, environment, context)
    live = live_of(found.environment, context)
    with reported(found.environment):
        live.pause(found.name, paused=paused)
    return found
