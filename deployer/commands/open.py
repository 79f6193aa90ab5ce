"""mfdeploy open: the page of a deployed flow."""

from __future__ import annotations

from deployer.context import Context
from deployer.models.selection import Selection
from deployer.pipeline.live import find_deployed, live_of, reported


def page_of(selection: Selection, flow: str, environment: str, context: Context) -> str:
    """The address of the page that shows a deployed flow. Raises DeployError."""
    found = find_deployed(selection, flow, environment, context)
    live = live_of(found.environment, context)
    with reported(found.environment):
        return live.page(found.name)
