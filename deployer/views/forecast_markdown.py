"""A forecast as Markdown, for the comment of a pull request or the summary of a CI job."""

from __future__ import annotations

from collections.abc import Iterator

from deployer.views.forecast_words import (
    Json,
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
from deployer.views.plan_markdown import prose

_WIDEST = 40


def forecast_to_markdown(data: Json) -> str:
    """A forecast; `data` is the result of `forecast_to_json`."""
    return "\n".join(_lines(data)) + "\n"


def _lines(data: Json) -> Iterator[str]:
    yield f"### {prose(title(data))}"
    yield ""
    has_plan = data["planned"] is not None
    yield "| | deployed | planned | |" if has_plan else "| | |"
    yield "|---|---|---|---|" if has_plan else "|---|---|"
    for row in rows(data):
        cells = [row.label, row.now, row.planned or "", row.difference] if has_plan else [row.label, row.now]
        yield f"| {' | '.join(map(prose, cells))} |"
    if data["compared"] and not has_plan:
        yield ""
        yield "An apply of the manifests changes nothing of it."
    yield from _bars(data)
    for what, who in collision_lines(data):
        yield f"- {prose(what)}: {prose(who)}"
    what, flows = calmer_lines(data)
    if what:
        yield f"- calmer minutes: {prose(what)}"
        yield from (f"  - {prose(address)}: {prose(cron)}" for address, cron in flows)
    yield ""
    yield "<details><summary>Assumed, and left out</summary>"
    yield ""
    yield from (f"- {prose(each)}" for each in [*data["assumptions"], *left_out_lines(data)])
    yield f"- limits: {prose(limits_line(data))}"
    yield ""
    yield "</details>"


def _bars(data: Json) -> Iterator[str]:
    bars = bars_by_hour(data)
    most = max((bar.shown for bar in bars), default=0)
    yield ""
    if not most:
        return
    yield f"{tasks(data).capitalize()} at once, by hour of the day ({prose(zone(data))}):"
    yield ""
    yield "```"
    for bar in bars:
        drawn = "█" * max(round(bar.shown * _WIDEST / most), 1 if bar.shown else 0)
        waits = f", {bar.waiting:,} wait" if bar.waiting else ""
        yield f"{bar.label}  {drawn}{' ' if drawn else ''}{bar.shown:,}{waits}"
    yield "```"
    yield ""
