"""Checks that the patterns of a selection match something."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable
from dataclasses import replace

from deployer.context import Context
from deployer.errors import DeployError, Diagnostic, nearest
from deployer.manifest.load import load_selection
from deployer.models.deployment import Deployment
from deployer.models.manifests import Manifests
from deployer.models.selection import Selection

_MOST_LISTED = 5


def find_deployment(manifests: Manifests, flow: str, environment: str) -> Deployment:
    """The deployment of a flow in an environment. Raises DeployError, with the nearest name for an unknown one."""
    found = {item.name: item for item in manifests.deployments if item.environment.name == environment}
    if flow not in found:
        hint = nearest(flow, found) or f"it has {', '.join(sorted(found)) or 'none'}"
        raise DeployError(Diagnostic("unknown-flow", f"the environment {environment} has no flow {flow!r}", hint=hint))
    return found[flow]


def unmatched_patterns(selection: Selection, addresses: Iterable[str]) -> list[Diagnostic]:
    """An error for each pattern that matches no address: it is most likely misspelt."""
    known = sorted(set(addresses))
    names = sorted({address.partition("/")[2] for address in known})
    return [
        Diagnostic(
            code="unknown-flow",
            message=f"no flow matches {pattern!r}",
            hint=nearest(pattern, [*names, *known]),
        )
        for pattern in (*selection.flows, *selection.exclude)
        if not any(Selection(selection.manifests, flows=(pattern,)).selects(address) for address in known)
    ]


def way_around(broken: Collection[str], addresses: Collection[str]) -> list[Diagnostic]:
    """How to do without the broken ones of several deployments; empty if all of them are broken."""
    if not broken or len(broken) == len(addresses):
        return []
    whole = {address.partition("/")[2] for address in addresses if address not in broken}
    # A flow that is broken in one environment only is left out there.
    names = {name if (name := address.partition("/")[2]) not in whole else address for address in broken}
    options = [f"--exclude {shlex.quote(as_pattern(name))}" for name in sorted(names)]
    more = " ..." if len(options) > _MOST_LISTED else ""
    leave_out = f"; to leave out what is broken, add {' '.join(options[:_MOST_LISTED])}{more}"
    return [_cannot_be_planned(broken, len(addresses), leave_out)]


def way_around_entries(selection: Selection, context: Context) -> list[Diagnostic]:
    """How to plan the other flows if the manifests are refused for the entries of some; empty for other reasons."""
    try:
        manifests = load_selection(replace(selection, keep_going=True), context.environ)
    except DeployError:
        return []
    if not manifests.broken or not manifests.selected(selection):
        return []
    return [_cannot_be_planned(manifests.broken, len(manifests.addresses), "")]


def _cannot_be_planned(broken: Collection[str], of: int, more: str) -> Diagnostic:
    listed = ", ".join(sorted(broken)[:_MOST_LISTED]) + (", ..." if len(broken) > _MOST_LISTED else "")
    message = f"{len(broken)} of {of} deployments cannot be planned: {listed}"
    return Diagnostic("broken-flows", message, hint=f"`plan --keep-going` plans the others{more}")


def as_pattern(name: str) -> str:
    """A shell pattern that matches exactly this name."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def refuse_unmatched(selection: Selection, addresses: Iterable[str]) -> None:
    """Raise DeployError for patterns that match no address."""
    problems = unmatched_patterns(selection, addresses)
    if problems:
        raise DeployError(problems)
