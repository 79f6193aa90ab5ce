"""Builds the single deployment that `show` and `render` need."""

from __future__ import annotations

from dataclasses import replace

from deployer.context import Context
from deployer.models.desired import Desired, DesiredState
from deployer.models.selection import Selection
from deployer.pipeline.build import build_or_refuse
from deployer.pipeline.selecting import as_pattern, find_deployment


def build_one(selection: Selection, flow: str, environment: str, context: Context) -> tuple[Desired, DesiredState]:
    """Compile just this flow in this environment. Raises DeployError, with the nearest name for an unknown one."""
    narrowed = replace(selection, environments=(environment,), flows=(as_pattern(flow),), exclude=())
    find_deployment(context.load(narrowed), flow, environment)
    state = build_or_refuse(narrowed, context.silently())
    return state.items[0], state
