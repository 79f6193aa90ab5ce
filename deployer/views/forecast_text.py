"""A forecast as text: numbers, a bar for each hour of the day and for each day, what collides, what is assumed."""

from __future__ import annotations

from collections.abc import Sequence

from deployer.views.forecast_words import (
    Bar,
    Json,
    Row,
    bars_by_day,
    bars_by_hour,
    calmer_lines,
    collision_lines,
    left_out_lines,
    limits_line,
    rows,
    tasks,
    title,
    zone,
)
from deployer.views.page import Page, Part

_PARTS = " ▏▎▍▌▋▊▉"
_FULL = "█"
_WIDEST = 60
_INDENT = 2


def forecast_to_text(data: Json, *, width: int = 80, colour: bool = False) -> str:
    """A forecast; `data` is the result of `forecast_to_json`."""
    page = Page(width, colour)
    page.line((title(data), "bold"))
    page.blank()
    _numbers(page, rows(data))
    if data["compared"] and data["planned"] is None:
        page.blank()
        page.line("An apply of the manifests changes nothing of it.", indent=_INDENT)
    if any(hour["most"]["tasks"] for side in (data["now"], data["planned"] or data["now"]) for hour in side["hours"]):
        word = tasks(data).capitalize()
        _bars(page, f"{word} at once, by hour of the day ({zone(data)})", bars_by_hour(data))
        by_day = bars_by_day(data)
        if len(by_day) > 2:
            _bars(page, f"{word} at once, by day", by_day)
    _collisions(page, data)
    _calmer(page, data)
    _small(page, "Not in it:", left_out_lines(data))
    _small(page, "Assumed:", data["assumptions"])
    page.line((f"Limits: {limits_line(data)}", "dim"))
    return page.text()


def _numbers(page: Page, found: Sequence[Row]) -> None:
    labels = max(len(row.label) for row in found)
    values = max(len("deployed"), *(len(row.now) for row in found))
    planned = max(len("planned"), *(len(row.planned or "") for row in found))
    if any(row.planned is not None for row in found):
        heading = f"{'':<{labels}}  {'deployed':<{values}}  planned"
        page.line((heading, "dim"), indent=_INDENT)
    for row in found:
        parts: list[Part] = [f"{row.label:<{labels}}  {row.now:<{values}}"]
        if row.planned is not None:
            parts.append(f"  {row.planned:<{planned}}")
        if row.difference:
            parts.append((f"  {row.difference}", "red" if row.difference.startswith("+") else "green"))
        page.line(*parts, indent=_INDENT)


def _bars(page: Page, heading: str, bars: Sequence[Bar]) -> None:
    page.blank()
    page.line((heading, "bold"))
    most = max(max(bar.shown, bar.now) for bar in bars)
    labels = max(len(bar.label) for bar in bars)
    notes = [_note(bar) for bar in bars]
    room = min(_WIDEST, 4 * most, page.width - labels - max(map(len, notes)) - _INDENT - 4)
    for bar, note in zip(bars, notes, strict=True):
        drawn = _drawn(bar.shown, most, max(room, 8))
        style = "red" if bar.waiting else "cyan"
        page.line(f"{bar.label:<{labels}}  ", (drawn, style), f"{' ' if drawn else ''}{note}", indent=_INDENT)


def _note(bar: Bar) -> str:
    found = f"{bar.shown:,}"
    if bar.planned is not None and bar.planned != bar.now:
        found += f" ({bar.planned - bar.now:+,})"
    return f"{found}, {bar.waiting:,} wait" if bar.waiting else found


def _drawn(value: int, most: int, room: int) -> str:
    eighths = round(value * room * 8 / most) if most else 0
    if value and not eighths:
        eighths = 1
    return f"{_FULL * (eighths // 8)}{_PARTS[eighths % 8]}".rstrip()


def _collisions(page: Page, data: Json) -> None:
    found = collision_lines(data)
    if found:
        page.blank()
        page.line(("Collisions", "bold"))
    for what, who in found:
        page.line(what, (f"  {who}", "dim"), indent=_INDENT, hang=4)


def _calmer(page: Page, data: Json) -> None:
    what, flows = calmer_lines(data)
    if not what:
        return
    page.blank()
    page.line(("Calmer minutes", "bold"), f": {what}")
    labels = max(len(address) for address, _ in flows)
    for address, cron in flows:
        page.entry(address, cron, indent=_INDENT, label_width=labels + 2)


def _small(page: Page, heading: str, lines: Sequence[str]) -> None:
    if lines:
        page.blank()
        page.line((heading, "dim"))
    for line in lines:
        page.line((line, "dim"), indent=_INDENT)
