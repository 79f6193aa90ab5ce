"""What a running orchestrator said of an apply, as text made from the JSON form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from deployer.models.live import duration_text
from deployer.models.visible import escape_controls
from deployer.views.page import Page
from deployer.views.words import count

STATES: Final[Mapping[str, str]] = {
    "current": "Airflow has it",
    "gone": "Airflow no longer has it",
    "broken": "Airflow cannot import it",
    "late": "Airflow does not have it yet",
    "unchecked": "Airflow could not be asked",
}
_STYLES: Final[Mapping[str, str]] = {"current": "green", "gone": "green", "broken": "bold red", "late": "bold yellow"}
_WIDTH = len("unchecked")


def waiting_to_text(urls: Sequence[str], number: int, seconds: float, *, width: int = 80, colour: bool = False) -> str:
    """The line before the wait."""
    page = Page(width, colour)
    most = f"{seconds / 60:g} min" if seconds >= 60 else f"{seconds:g} s"
    page.blank()
    page.line(f"Waiting until {' and '.join(urls)} has {count(number, 'DAG')}, {most} at most.", hang=0)
    return page.text()


def arrival_to_text(arrival: Mapping[str, Any], *, width: int = 80, colour: bool = False) -> str:
    """One deployment that has arrived or will not; below it the reason where there is one."""
    page = Page(width, colour)
    page.line(
        (f"{arrival['state']:{_WIDTH}}", _STYLES.get(arrival["state"], "")),
        f"  {escape_controls(arrival['name'])}",
        (f"  ({escape_controls(arrival['address'])})  after {duration_text(arrival['seconds'])}", "dim"),
        indent=2,
        hang=_WIDTH + 2,
    )
    for line in arrival["note"].splitlines():
        page.line(escape_controls(line), indent=_WIDTH + 4, hang=0)
    return page.text()


def forgotten_to_text(arrival: Mapping[str, Any], *, width: int = 80, colour: bool = False) -> str:
    """One deployment of which nothing is kept."""
    page = Page(width, colour)
    named = f"  {escape_controls(arrival['name'])}", (f"  ({escape_controls(arrival['address'])})", "dim")
    page.line(f"{'forgotten':{_WIDTH}}", *named, indent=2, hang=_WIDTH + 2)
    return page.text()


def arrivals_total(arrivals: Sequence[Mapping[str, Any]]) -> str:
    """One sentence for all of them."""
    states = Counter(arrival["state"] for arrival in arrivals)
    if not states.keys() - {"current", "gone"}:
        return f"Airflow has what was applied: {count(len(arrivals), 'DAG')}."
    said = {"broken": "it cannot import", "late": "it does not have yet", "unchecked": "it could not be asked about"}
    parts = [f"{words} {states[state]}" for state, words in said.items() if states[state]]
    return f"Of {count(len(arrivals), 'DAG')}, {', '.join(parts)}."
