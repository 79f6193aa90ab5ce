"""Checks that the patterns of a selection match something."""

from __future__ import annotations

from collections.abc import Iterable

from deployer.errors import DeployError, Diagnostic, nearest
from deployer.models.selection import Selection


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


def refuse_unmatched(selection: Selection, addresses: Iterable[str]) -> None:
    """Raise DeployError for patterns that match no address."""
    problems = unmatched_patterns(selection, addresses)
    if problems:
        raise DeployError(problems)
