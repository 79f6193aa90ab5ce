"""Checks that the patterns of a selection match something."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable

from deployer.errors import DeployError, Diagnostic, nearest
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
    names = sorted({address.partition("/")[2] for address in broken})
    listed = ", ".join(sorted(broken)[:_MOST_LISTED]) + (", ..." if len(broken) > _MOST_LISTED else "")
    options = " ".join(f"--exclude {shlex.quote(as_pattern(name))}" for name in names[:_MOST_LISTED])
    message = f"{len(broken)} of {len(addresses)} deployments cannot be planned: {listed}"
    more = " ..." if len(names) > _MOST_LISTED else ""
    hint = f"`plan --keep-going` plans the others; to leave out what is broken, add {options}{more}"
    return [Diagnostic("broken-flows", message, hint=hint)]


def as_pattern(name: str) -> str:
    """A shell pattern that matches exactly this name."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def refuse_unmatched(selection: Selection, addresses: Iterable[str]) -> None:
    """Raise DeployError for patterns that match no address."""
    problems = unmatched_patterns(selection, addresses)
    if problems:
        raise DeployError(problems)
