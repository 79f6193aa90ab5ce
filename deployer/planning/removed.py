"""Deletes that the manifests allow: a flow that left them is named below `removed:`, with the reason why it goes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from deployer.errors import Diagnostic, Severity
from deployer.models.desired import EnvironmentState
from deployer.models.manifests import Manifests, Removed
from deployer.models.plan import Change


def allowed(manifests: Manifests) -> Mapping[str, Removed]:
    """The entries by the addresses that may be deleted. A flow that is still listed may not."""
    listed = {item.address for item in manifests.deployments}
    found = {address: entry for entry in manifests.removed for address in entry.addresses}
    return {address: entry for address, entry in found.items() if address not in listed}


def with_reasons(changes: Sequence[Change], manifests: Manifests) -> tuple[Change, ...]:
    """The same changes; deletes that the manifests allow say why."""
    entries = allowed(manifests)
    return tuple(
        _explained(change, entries[change.address])
        if change.action == "delete" and change.address in entries
        else change
        for change in changes
    )


def _explained(change: Change, entry: Removed) -> Change:
    reasons = (
        replace(reason, note=f"{reason.note}: {entry.reason}") if reason.word == "removed" else reason
        for reason in change.reasons
    )
    return replace(change, reasons=tuple(reasons))


def stale(manifests: Manifests, states: Sequence[EnvironmentState]) -> Iterator[Diagnostic]:
    """A warning for each entry whose flow is gone from all its environments, if the plan knows all of them."""
    known = {state.environment for state in states}
    deployed = {item.record.address for state in states for item in state.deployed if item.record and state.owns(item)}
    listed = {item.address for item in manifests.deployments}
    for entry in manifests.removed:
        if known.issuperset(entry.environments) and not {*deployed, *listed} & set(entry.addresses):
            where = " and ".join(entry.environments)
            message = f"{entry.name} is not deployed to {where} any more: the entry has done its work"
            hint = "remove the entry"
            yield Diagnostic("stale-removed", message, entry.location, f"removed.{entry.name}", hint, Severity.WARNING)
