"""Find the one deployment that show and render are asked for."""

from __future__ import annotations

import os
from dataclasses import replace

from deployer.errors import DeployError, Diagnostic, nearest
from deployer.manifest.load import load_selection
from deployer.models.desired import Desired
from deployer.models.progress import silent
from deployer.models.selection import Selection
from deployer.pipeline import build as desired
from deployer.pipeline.build import DesiredState


def find_one(selection: Selection, flow: str, environment: str) -> tuple[Desired, DesiredState]:
    """Compile just this flow in this environment. Raises DeployError, with the nearest name for an unknown one."""
    narrowed = replace(selection, environments=(environment,), flows=(_literal(flow),), exclude=())
    manifests = load_selection(narrowed, os.environ)
    names = [item.name for item in manifests.deployments]
    if flow not in names:
        hint = nearest(flow, names) or f"it has {', '.join(sorted(names)) or 'none'}"
        raise DeployError(Diagnostic("unknown-flow", f"the environment {environment} has no flow {flow!r}", hint=hint))
    state = desired.build_or_refuse(narrowed, os.environ, silent)
    return state.items[0], state


def _literal(name: str) -> str:
    """The name as a shell pattern that takes just itself."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)
