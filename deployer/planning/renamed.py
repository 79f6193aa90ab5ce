"""A narrowed plan does not delete the DAG of an entry that has another name now, and is not selected under it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from deployer.errors import Diagnostic, Severity
from deployer.models.plan import Change
from deployer.models.progress import Progress
from deployer.models.selection import Selection
from deployer.pipeline import build as desired
from deployer.pipeline.build import DesiredState
from deployer.state.survey import DeployedState


def spare_renamed(
    selection: Selection,
    state: DesiredState,
    deployed: DeployedState,
    changes: Sequence[Change],
    progress: Progress,
) -> tuple[tuple[Change, ...], list[Diagnostic]]:
    """The changes without deletes of files that entries outside of the selection write, and a warning for each.

    Which files those are is known only from their code: where something would be deleted, the entries that are not
    deployed under their own name are compiled too.
    """
    newcomers = _newcomers(selection, state, deployed) if any(each.action == "delete" for each in changes) else ()
    if not newcomers:
        return tuple(changes), []
    found = desired.build(replace(selection, flows=newcomers, exclude=()), os.environ, progress)
    names = {(item.deployment.environment.name, item.file): item.deployment.address for item in found.items}
    spared = [each for each in changes if each.action == "delete" and (each.environment, each.file) in names]
    warnings = [_warning(each.address, names[each.environment, each.file]) for each in spared]
    return tuple(each for each in changes if each not in spared), warnings


def _newcomers(selection: Selection, state: DesiredState, deployed: DeployedState) -> tuple[str, ...]:
    """Addresses of the manifests that are not selected, and under which nothing is deployed."""
    there = {item.record.address for site in deployed.sites for item in site.deployed if item.record}
    addresses = (item.address for item in state.manifests.deployments)
    return tuple(each for each in addresses if each not in there and not selection.selects(each))


def _warning(old: str, new: str) -> Diagnostic:
    message = f"{old}: its DAG belongs to {new} now, which is not planned here: it stays as it is"
    return Diagnostic("renamed", message, hint=f"plan it with --flow {new}", severity=Severity.WARNING)
