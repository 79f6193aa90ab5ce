"""mfdeploy open: the page of a deployed flow."""

from __future__ import annotations

from deployer.context import Context
from deployer.models.selection import Selection
from deployer.pipeline.live import running_flow


def page_of(selection: Selection, flow: str, environment: str, context: Context) -> str:
    """The address of the page that shows a deployed flow. Raises DeployError."""
    with running_flow(selection, flow, environment, context) as (found, live):
        return live.page(found.name)
