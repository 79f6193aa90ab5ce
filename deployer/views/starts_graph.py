"""Which flow starts which, as a Mermaid flowchart, made from the effects of a plan's changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from deployer.views.graph import label

_MOST_ARROWS = 120  # a larger picture is not readable, and Mermaid refuses the largest


def starts_to_mermaid(changes: Iterable[Mapping[str, Any]]) -> str:
    """A Mermaid flowchart of the flows that the changes start, or that start them; empty if there is none.

    A flow is its address, what else starts one an event, in a shape of its own.
    """
    arrows = starts_arrows(changes)
    if not arrows or len(arrows) > _MOST_ARROWS:
        return ""
    ids = {name: f"f{number}" for number, name in enumerate(sorted({name for arrow in arrows for name in arrow}))}
    nodes = [f"    {ids[name]}{_shape(name)}" for name in ids]
    return "\n".join(["flowchart LR", *nodes, *(f"    {ids[one]} --> {ids[other]}" for one, other in arrows)]) + "\n"


def starts_arrows(changes: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Who starts whom: addresses, and events, whose names have no slash."""
    return sorted({arrow for change in changes for arrow in _arrows(change)})


def _arrows(change: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for effect in change["effects"]:
        if effect["word"] == "started by":
            yield from ((name, change["address"]) for name in effect["names"])
        elif effect["word"] == "starts":
            yield from ((change["address"], name) for name in effect["names"])


def _shape(name: str) -> str:
    """An address has a slash, and the name of an event has none."""
    return f'["{label(name)}"]' if "/" in name else f'>"{label(name)}"]'
