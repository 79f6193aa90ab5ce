"""Builds the single deployment that `show` and `render` need."""

from __future__ import annotations

from dataclasses import replace

from deployer.context import Context
from deployer.errors import DeployError, Diagnostic, nearest
from deployer.models.desired import Desired, DesiredState
from deployer.models.selection import Selection
from deployer.pipeline.build import build_or_refuse


def build_one(selection: Selection, flow: str, environment: str, context: Context) -> tuple[Desired, DesiredState]:
    """Compile just this flow in this environment. Raises DeployError, with the nearest name for an unknown one."""
    narrowed = replace(selection, environments=(environment,), flows=(_as_pattern(flow),), exclude=())
    manifests = context.load(narrowed)
    names = [item.name for item in manifests.deployments]
    if flow not in names:
        hint = nearest(flow, names) or f"it has {', '.join(sorted(names)) or 'none'}"
        raise DeployError(Diagnostic("unknown-flow", f"the environment {environment} has no flow {flow!r}", hint=hint))
    state = build_or_refuse(narrowed, context.silently())
    return state.items[0], state


def _as_pattern(name: str) -> str:
    """A shell pattern that matches exactly this name."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)
