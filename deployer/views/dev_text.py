"""What `mfdeploy dev` prints as it goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from deployer.models.live import LiveImportError
from deployer.models.plan import Change
from deployer.models.visible import escape_controls
from deployer.pipeline.local_arrivals import Arrival
from deployer.views.page import Page
from deployer.views.plan_text import STYLES, SYMBOLS
from deployer.views.words import count

_MOST_TRACEBACK = 8
# The first apply brings every flow: so many are one line.
_MOST_LINES = 5
_PARTICIPLES: Final = {"create": "created", "update": "updated", "delete": "deleted"}


class DevText:
    """Texts of events for a terminal."""

    def __init__(self, width: int = 80, colour: bool = False) -> None:
        self._width = width
        self._colour = colour

    def starting(self, title: str, target: str) -> str:
        """It is being started."""
        page = self._page()
        page.line((f"{title} starts", "bold"), f" for the DAG files in {escape_controls(target)}")
        return page.text()

    def serving(self, url: str) -> str:
        """It serves its pages."""
        page = self._page()
        page.line(("It serves ", "bold"), (url, "bold cyan"), " (no login, this machine only). Ctrl-C ends it.")
        return page.text()

    def applied(self, done: Sequence[Change], failed: Sequence[tuple[Change, str]]) -> str:
        """What an apply changed; empty for nothing."""
        page = self._page()
        for action in _PARTICIPLES:
            found = [change for change in done if change.action == action]
            if len(found) > _MOST_LINES:
                symbol = (SYMBOLS[action], STYLES[action])
                page.line(symbol, " ", (count(len(found), "flow"), "bold"), f" {_PARTICIPLES[action]}")
                continue
            for change in found:
                self._change(page, change)
        for change, why in failed:
            page.line(("! ", "red"), (escape_controls(change.address), "bold"), f"  {escape_controls(why)}")
        return page.text()

    def arrived(self, arrivals: Sequence[Arrival]) -> str:
        """What Airflow has, or cannot import."""
        page = self._page()
        there = [arrival for arrival in arrivals if arrival.error is None]
        if len(there) > _MOST_LINES:
            slowest = max(arrival.seconds for arrival in there)
            page.line("  ", (f"Airflow has {count(len(there), 'flow')}", "green"), f" after {slowest:.1f} s")
        else:
            for arrival in there:
                what = f"Airflow has {escape_controls(arrival.address)}"
                page.line("  ", (what, "green"), f" after {arrival.seconds:.1f} s")
        for arrival in arrivals:
            if arrival.error is not None:
                self._error(page, arrival.address, arrival.error)
        return page.text()

    def _change(self, page: Page, change: Change) -> None:
        words = ", ".join(dict.fromkeys(reason.word for reason in change.reasons))
        why = f": {words}" if words and change.action == "update" else ""
        symbol = (SYMBOLS[change.action], STYLES[change.action])
        address = (escape_controls(change.address), "bold")
        page.line(symbol, " ", address, f"  {_PARTICIPLES[change.action]}{why}")

    def _error(self, page: Page, address: str, error: LiveImportError) -> None:
        of = f" of {escape_controls(address)}" if address else ""
        page.line(("  ", ""), (f"Airflow cannot import {escape_controls(error.file)}{of}", "red"))
        for line in error.traceback.rstrip().splitlines()[-_MOST_TRACEBACK:]:
            page.line((escape_controls(line), "red"), indent=4)

    def _page(self) -> Page:
        return Page(self._width, self._colour)
