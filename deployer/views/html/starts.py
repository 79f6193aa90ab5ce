"""Flows as the nodes of a drawing: which of them starts which, and the events that start them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from markupsafe import Markup

from deployer.views.html.drawing import DrawnEdge, DrawnStep, figure
from deployer.views.starts_graph import starts_arrows

_EVENT = "event"


def drawn_flows(arrows: Mapping[str, Iterable[str]], notes: Mapping[str, str], prefix: str = "") -> list[DrawnStep]:
    """The nodes, by name. `notes` has them all, what is not a flow with the note ``event``.

    Names are shown without the `prefix`.
    """
    keys = sorted(notes)
    numbers = {key: number for number, key in enumerate(keys)}
    return [
        DrawnStep(
            name=key.removeprefix(prefix),
            kind="switch" if notes[key] == _EVENT else "linear",
            state="same",
            note=notes[key],
            former="",
            remark="",
            follows=[
                DrawnEdge(numbers[key], numbers[to], to.removeprefix(prefix), "", "same", False)
                for to in arrows.get(key, ())
            ],
        )
        for key in keys
    ]


def starts_of_plan(changes: Iterable[Mapping[str, Any]]) -> Markup | None:
    """The flows that the changes start, or that start them; None if there are none."""
    arrows = starts_arrows(changes)
    if not arrows:
        return None
    found: dict[str, list[str]] = {}
    for one, other in arrows:
        found.setdefault(one, []).append(other)
    names = {name for arrow in arrows for name in arrow}
    notes = {name: "" if "/" in name else _EVENT for name in names}
    return figure(drawn_flows(found, notes), "Which flow starts which", noun="flow", leads="starts")
