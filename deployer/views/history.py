"""The history of an environment, as JSON and as text made from it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from deployer.models.deployment import Environment
from deployer.models.history import HISTORY_FORMAT, Entry, EntryHead, History, ShownEntry, Unrecorded
from deployer.models.visible import escape_controls
from deployer.views.arrival_text import arrivals_total
from deployer.views.page import Page
from deployer.views.plan_text import COMPLETED, STYLES, SYMBOLS

_TIME = re.compile(r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\d(?:\.\d+)?(?:\+00:00|Z)$")
_COMMIT = re.compile(r"^[0-9a-f]{40}(-dirty)?$")


def history_to_json(
    environment: Environment,
    entries: Sequence[Entry],
    older: int,
    unrecorded: Sequence[Unrecorded],
) -> dict[str, Any]:
    """The entries, newest first, without the DAG files that they contain."""
    return History(
        format=HISTORY_FORMAT,
        project=environment.project,
        environment=environment.name,
        target=environment.target.written,
        entries=tuple(map(_shown, entries)),
        older=older,
        unrecorded=tuple(unrecorded),
    ).model_dump(mode="json")


def _shown(entry: Entry) -> ShownEntry:
    head = {name: getattr(entry, name) for name in EntryHead.model_fields}
    return ShownEntry(**head, changes=entry.changes)


def history_schema() -> dict[str, Any]:
    """The JSON Schema of what `history --format json` prints."""
    return History.model_json_schema()


def history_to_text(history: Mapping[str, Any], *, width: int = 80, colour: bool = False) -> str:
    """The entries, newest first, with one line for each change. `history` is the result of `history_to_json`."""
    page = Page(width, colour)
    page.line((escape_controls(history["environment"]), "bold"), (f"  {escape_controls(history['target'])}", "dim"))
    for entry in history["entries"]:
        page.blank()
        _entry(page, entry)
    if history["unrecorded"]:
        page.blank()
        _unrecorded(page, history["unrecorded"])
    page.blank()
    _total(page, history)
    return page.text()


def _entry(page: Page, entry: Mapping[str, Any]) -> None:
    page.line("  ", (entry["id"], "bold"), f"  {who_text(entry)}", hang=6)
    if entry["ci_url"]:
        page.line((escape_controls(entry["ci_url"]), "dim"), indent=6, hang=0)
    changes, replaced = entry_parts(entry)
    page.line((summary_text(entry, changes), "dim"), indent=6, hang=0)
    for change in changes:
        _change(page, change, replaced.get(change["name"], []))
    _arrivals(page, entry["arrivals"])


def entry_parts(entry: Mapping[str, Any]) -> tuple[list[Mapping[str, Any]], dict[str, list[str]]]:
    """The changes of an entry, and the files that they replaced by the name of the deployment."""
    written = {change["name"] for change in entry["changes"] if change["action"] != "delete"}
    # A deleted file of a DAG that was written is one that the new file replaced: the DAG itself was not deleted.
    gone = [change for change in entry["changes"] if change["action"] == "delete" and change["name"] in written]
    replaced: dict[str, list[str]] = {}
    for change in gone:
        replaced.setdefault(change["name"], []).append(change["file"])
    return [change for change in entry["changes"] if change not in gone], replaced


def who_text(entry: Mapping[str, Any]) -> str:
    """When, by whom and from which commit an entry was applied."""
    commit = str(entry["commit"] or "")
    short = commit[:12] + ("-dirty" if commit.endswith("-dirty") else "") if _COMMIT.match(commit) else commit
    moment = _TIME.sub(r"\1 \2 UTC", entry["applied_at"])
    return escape_controls("  ".join(filter(None, (moment, entry["applied_by"], short))))


def summary_text(entry: Mapping[str, Any], changes: Sequence[Mapping[str, Any]]) -> str:
    """What became of the changes of an entry, in numbers. `changes` are those of `entry_parts`."""
    done = [change["action"] for change in changes if change["outcome"] == "done"]
    parts = [f"{done.count(action)} {word}" for action, word in COMPLETED.items() if action in done]
    for outcome in ("failed", "not done"):
        number = sum(change["outcome"] == outcome for change in changes)
        parts += [f"{number} {outcome}"] if number else []
    command = f"rollback to {entry['restored']}" if entry["restored"] else entry["command"]
    return f"{command}: {', '.join(parts)}"


def _change(page: Page, change: Mapping[str, Any], gone: Sequence[str]) -> None:
    words = ", ".join(escape_controls(reason["word"]) for reason in change["reasons"])
    symbol = (SYMBOLS[change["action"]], STYLES[change["action"]])
    parts: list[Any] = [symbol, f" {escape_controls(change['address'])}", (f"  {words}", "dim")]
    if gone:
        parts.append((f"  in place of {', '.join(map(escape_controls, gone))}", "dim"))
    if change["outcome"] != "done":
        message = f": {escape_controls(change['message'])}" if change["message"] else ""
        parts.append((f"  {change['outcome']}{message}", "bold red"))
    page.line(*parts, indent=6, hang=4)


def _arrivals(page: Page, arrivals: Sequence[Mapping[str, Any]]) -> None:
    """What the running Airflow said of the apply; each that it did not have, with the last line of the reason."""
    if not arrivals:
        return
    page.line((arrivals_total(arrivals), "dim"), indent=6, hang=0)
    for arrival in arrivals:
        if arrival["state"] not in ("current", "gone"):
            last = arrival["note"].splitlines()[-1:]
            why = f": {escape_controls(last[0])}" if last else ""
            state = escape_controls(arrival["state"])
            page.line((state, "bold red"), f"  {escape_controls(arrival['address'])}{why}", indent=8)


def _unrecorded(page: Page, found: Sequence[Mapping[str, Any]]) -> None:
    page.line("  ", ("Deployed by an apply that has no entry:", "bold"))
    for each in found:
        page.line("      ", escape_controls(each["address"]), (f"  {who_text(each)}", "dim"), hang=4)


def _total(page: Page, history: Mapping[str, Any]) -> None:
    number, older = len(history["entries"]), history["older"]
    if not number and not older:
        page.line(("No entries.", "bold"))
        return
    more = f"; {older} older not shown" if older else ""
    page.line((f"{number} {'entry' if number == 1 else 'entries'}{more}.", "bold"))
