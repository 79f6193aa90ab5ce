"""Reads `removed:`: the flows that have left the manifests and may be deleted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from deployer.manifest.nodes import Entry, Report, to_data
from deployer.models.deployment import Deployment
from deployer.models.manifests import Removed


def read_removed(entries: Mapping[str, Entry]) -> tuple[Removed, ...]:
    """The entries of a document without a violation, sorted by name."""
    return tuple(
        Removed(name, tuple(data["environments"]), data["reason"], entry.key)
        for name, entry in sorted(entries.items())
        for data in [to_data(entry.node)]
    )


def check_removed(removed: Iterable[Removed], deployments: Iterable[Deployment], report: Report) -> None:
    """Warn of a flow that is not gone: its entry allows nothing there, and would allow a delete later."""
    listed = {deployment.address for deployment in deployments}
    for entry in removed:
        still = [name for name, address in zip(entry.environments, entry.addresses, strict=True) if address in listed]
        if still:
            message = f"the manifests still deploy {entry.name} to {' and '.join(still)}"
            hint = "remove the entry, or remove the flow there (`environments`)"
            report.warn("stale-removed", message, entry.location, ("removed", entry.name), hint)
