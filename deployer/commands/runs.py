"""mfdeploy runs: the newest runs of a flow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deployer.context import Context
from deployer.models.live import LiveRun
from deployer.models.selection import Selection
from deployer.pipeline.live import DeployedFlow, running_flow


@dataclass(frozen=True)
class RunsResult:
    """The runs of a flow, newest first, and the page that shows them."""

    flow: DeployedFlow
    runs: Sequence[LiveRun]
    page: str


def runs(selection: Selection, flow: str, environment: str, limit: int, context: Context) -> RunsResult:
    """The newest `limit` runs of a deployed flow. Raises DeployError."""
    with running_flow(selection, flow, environment, context) as (found, live):
        return RunsResult(found, live.runs(found.name, limit), live.page(found.name))
