"""mfdeploy render: the DAG file of one deployment, without its record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deployer.errors import Diagnostic
from deployer.models.progress import silent
from deployer.models.selection import Selection
from deployer.pipeline import build as desired
from deployer.pipeline.one import find_one


@dataclass(frozen=True)
class RenderResult:
    """The DAG file's text; deploy-time defaults are not evaluated and show as such."""

    source: str
    warnings: Sequence[Diagnostic]


def render(selection: Selection, flow: str, environment: str) -> RenderResult:
    """Render one flow in one environment. Nothing is uploaded or written. Raises DeployError."""
    item, state = find_one(selection, flow, environment)
    built = desired.package([item], upload=False, user="", progress=silent)
    return RenderResult(desired.render(item, built[item.deployment.address]), state.warnings)
