"""mfdeploy render: the DAG file of one deployment, without its record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deployer.context import Context
from deployer.errors import Diagnostic
from deployer.models.selection import Selection
from deployer.pipeline import rendering
from deployer.pipeline.one_flow import build_one
from deployer.pipeline.rendering import build_packages


@dataclass(frozen=True)
class RenderResult:
    """The text of the DAG file. Deploy-time defaults are not evaluated; the text shows placeholders."""

    source: str
    warnings: Sequence[Diagnostic]


def render(selection: Selection, flow: str, environment: str, context: Context) -> RenderResult:
    """Render one flow in one environment. Nothing is uploaded or written. Raises DeployError."""
    item, state = build_one(selection, flow, environment, context)
    packages = build_packages([item], context.silently())
    return RenderResult(rendering.render(item, packages[item.deployment.address], context), state.warnings)
