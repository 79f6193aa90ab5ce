"""The sentences about a plan that the text and the Markdown view share. They are made from the plan's JSON form."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from deployer.models.placeholders import KNOWN_AT_APPLY
from deployer.views.escape_controls import escape_controls, pair_text, shorten_pair
from deployer.views.words import count

TOOL_WORDS = frozenset({"metaflow version", "renderer version"})
TOOLS_REMARK = "a change of the tools, not of yours"
TOOLS_ONLY = "Only the tools changed here: nothing in your manifests or your code did."
DELETED = "Airflow stops running it. Its past runs stay in Airflow until they are deleted there."
NO_RUNS = "none: it no longer starts by itself"
REFUSED = "An apply is refused until this is solved, or left out with --exclude."
MOST_FILES = 10
MOST_STEPS = 4
_TIME = re.compile(r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::00)?(.*)$")

Change = Mapping[str, Any]
"""A change as JSON, see the schema of saved plans."""


def summary_line(summary: Mapping[str, int]) -> str:
    """``Plan: 2 to create, 1 to update, 0 to delete; 7 unchanged.``, or that there are no changes."""
    unchanged = summary["none"]
    if sum(summary.values()) == unchanged:
        if unchanged == 0:
            return "No changes. There are no deployments."
        return f"No changes. {count(unchanged, 'deployment')} {'is' if unchanged == 1 else 'are'} up to date."
    parts = [f"{summary[action]} to {action}" for action in ("create", "update", "delete")]
    if summary["conflict"]:
        parts.append(count(summary["conflict"], "conflict"))
    return f"Plan: {', '.join(parts)}; {unchanged} unchanged."


def edit_title(edit: Mapping[str, Any]) -> str:
    """What a diff of an edit shows."""
    if edit["exact"]:
        return f"what was written into {edit['file']}:"
    return f"{edit['file']} as it is, against what an apply would write:"


def diff_line(line: str) -> str:
    """A line of a diff with control characters escaped, and without trailing blanks."""
    return (line[:1] + escape_controls(line[1:])).rstrip()


def edit_rest(edit: Mapping[str, Any]) -> str:
    """How many edited lines are not shown; empty if all are."""
    return f"and {count(edit['left_out'], 'more line')}: see plan --diff" if edit["left_out"] else ""


def group_fields(fields: Sequence[Mapping[str, Any]]) -> list[tuple[str, Mapping[str, Any]]]:
    """The fields with the names that are shown for them. A change that several steps share is shown once."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for field in fields:
        _, what = _of_step(field)
        same = [what, field["before"], field["after"], field["origin"]] if what else field["field"]
        groups.setdefault(json.dumps(same), []).append(field)
    return [(_name(group), group[0]) for group in groups.values()]


def field_texts(name: str, field: Mapping[str, Any], limit: int) -> tuple[str, str, str]:
    """What is shown of a field: its name, and the two values in at most `limit` characters each.

    Of values that differ in the order of their keys alone, that order is shown: ``default: key order``.
    """
    orders = _key_orders(field["before"], field["after"])
    if orders is None:
        return (name, *pair_text(field["before"], field["after"], limit))
    before, after = map(escape_controls, orders)
    return (f"{name}: key order", *shorten_pair(before, after, limit))


def _key_orders(before: Any, after: Any) -> tuple[str, str] | None:
    """``a, b`` and ``b, a``: the keys of the first maps that have them in another order; None if there are none."""
    if isinstance(before, dict) and isinstance(after, dict):
        if [name for name in before if name in after] != [name for name in after if name in before]:
            return ", ".join(before), ", ".join(after)
        pairs = [(before[name], after[name]) for name in before if name in after]
    elif isinstance(before, list) and before == after:
        pairs = list(zip(before, after, strict=True))
    else:
        return None
    return next(filter(None, (_key_orders(*pair) for pair in pairs)), None)


def _of_step(field: Mapping[str, Any]) -> tuple[str, str]:
    """The step that a field belongs to, and the path below it; both empty for any other field."""
    section, *path = str(field["field"]).split(".")
    if section == "settings" and path[:1] == ["steps"]:
        path = path[1:]
    elif section not in ("retries", "resources"):
        return "", ""
    return (path[0], ".".join(path[1:])) if len(path) > 1 else ("", "")


def _name(group: Sequence[Mapping[str, Any]]) -> str:
    """A field's path below its section, which the word of the reason already names."""
    if len(group) == 1:
        path = str(group[0]["field"])
        return path.partition(".")[2] or path
    steps = [_of_step(field)[0] for field in group]
    # A list of five is not cut to four and "1 more".
    shown = steps if len(steps) <= MOST_STEPS + 1 else [*steps[:MOST_STEPS], f"{len(steps) - MOST_STEPS} more"]
    return f"{_of_step(group[0])[1]} of {', '.join(shown[:-1])} and {shown[-1]}"


def narrowing(plan: Mapping[str, Any]) -> str:
    """Which flows a narrowed plan is about; empty if it is about all flows."""
    parts = [f"flows matching {', '.join(plan['flows'])}"] if plan["flows"] else []
    parts += [f"without {', '.join(plan['exclude'])}"] if plan["exclude"] else []
    return f"Only a part is planned: {', '.join(parts)}." if parts else ""


def baseline(plan: Mapping[str, Any]) -> str:
    """The revision that a plan compares with; empty if it compares with what is deployed."""
    against = plan["against"]
    if not against:
        return ""
    named = against["revision"]
    where = named if against["commit"].startswith(named) else f"{named} ({against['commit'][:12]})"
    return f"Against what {where} would deploy, not against what is deployed."


def pending_by_environment(plan: Mapping[str, Any]) -> dict[str, list[Change]]:
    """The changes that are not `none`, by environment."""
    found: dict[str, list[Change]] = {}
    for change in plan["changes"]:
        if change["action"] != "none":
            found.setdefault(change["environment"], []).append(change)
    return dict(sorted(found.items()))


def former_ids(plan: Mapping[str, Any]) -> dict[str, str]:
    """The old DAG id by address, for deployments whose DAG id changes."""
    gone = {change["address"]: change["name"] for change in plan["changes"] if change["action"] == "delete"}
    new = {change["address"]: change["name"] for change in plan["changes"] if change["action"] == "create"}
    return {address: old for address, old in gone.items() if new.get(address, old) != old}


def explanation(change: Change, former: Mapping[str, str]) -> str:
    """What a change means if that is not clear from its reasons; else empty. `former` is from `former_ids`."""
    old = former.get(change["address"], "")
    if change["action"] == "delete":
        return "" if old else DELETED
    if change["action"] == "conflict":
        hints = "; ".join(reason["hint"] for reason in change["reasons"] if reason["hint"])
        return f"{REFUSED} {hints[:1].upper()}{hints[1:]}." if hints else REFUSED
    if tools_only(change):
        return TOOLS_ONLY
    if old and change["action"] == "create":
        return f"To Airflow this is a new DAG with no runs yet. The history stays behind under the old id, {old}."
    return ""


def tools_only(change: Change) -> bool:
    """Whether a change has no other reasons than new versions of Metaflow or mfdeploy."""
    words = {reason["word"] for reason in change["reasons"]}
    return bool(words) and words <= TOOL_WORDS


def new_deployment(change: Change) -> str:
    """A new deployment, in a few words."""
    return f"not deployed yet, {count(len(change['after']['graph']['steps']), 'step')}"


def new_schedule(change: Change) -> str:
    """The schedule of a deployment that is created: ``0 3 * * *, Europe/Helsinki``; empty for any other change."""
    if change["action"] != "create":
        return ""
    schedule = change["after"]["schedule"]
    return ", ".join(str(schedule[key]) for key in ("cron", "timezone") if schedule.get(key)) or "none"


def effect_label(effect: Mapping[str, Any]) -> str:
    """The label of an effect: its word, or ``runs`` if that is also the word of a reason."""
    word = str(effect["word"])
    return word if word in ("next runs", "starts now", "catch-up", "paused") else "runs"


def effect_text(effect: Mapping[str, Any]) -> str:
    """An effect on DAG runs, in a sentence."""
    after, names = run_times(effect["after"]), ", ".join(effect["names"])
    match effect["word"]:
        case "next runs":
            return _next_runs(run_times(effect["before"]), after)
        case "starts now":
            return f"one run, for {after}: that time has passed since the last run (a paused DAG waits)"
        case "catch-up":
            at_least = "more than " if effect["more"] else ""
            runs = f"{at_least}{count(effect['count'], 'run')}, from {after} on"
            return f"{runs}, start at once, {effect['at_a_time']} at a time (a paused DAG waits)"
        case "code":
            return "running and cleared DAG runs pick up the new code for tasks that have not started"
        case "parameters":
            return f"scheduled runs use the new default of {names} from the next run on"
        case "steps removed":
            return f"running and cleared DAG runs no longer include {names}"
        case "steps added":
            return f"running DAG runs get {names} too"
        case "foreach":
            return f"a foreach of more than 1,024 items ({names}) needs a larger [core] max_map_length in Airflow"
        case "retries":
            return f"tasks that have started keep their retries; later runs and cleared tasks get new ones ({names})"
        case _:
            return "Airflow keeps the DAG paused or unpaused as it is: the setting applies to new DAGs only"


def _next_runs(before: str, after: str) -> str:
    shown = after or NO_RUNS
    return f"{shown} (until now: {before})" if before else shown


def effect_rows(effect: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Labels and sentences of an effect, one for each line. Times before the change are on a line of their own."""
    if effect["word"] == "next runs" and effect["before"]:
        yield "next runs", run_times(effect["after"]) or NO_RUNS
        yield "until now", run_times(effect["before"])
    else:
        yield effect_label(effect), effect_text(effect)


def run_times(runs: Sequence[str]) -> str:
    """Readable times: ``2026-11-23 03:00, 2026-11-24 03:00 +02:00``. An offset that does not change is shown once."""
    found = [_TIME.sub(r"\1 \2 \3", each).rstrip().replace(" +00:00", " UTC") for each in runs]
    zones = [each[len("2026-11-23 03:00") :] for each in found]
    last = len(found) - 1
    return ", ".join(
        each if number == last or zones[number] != zones[number + 1] else each.removesuffix(zones[number])
        for number, each in enumerate(found)
    )


def file_lines(files: Mapping[str, Sequence[str]], most: int = MOST_FILES) -> tuple[list[tuple[str, str]], int]:
    """``("+", path)`` for each file, at most `most` of them, and how many were left out."""
    marks = (("+", "added"), ("-", "removed"), ("~", "changed"))
    lines = [(mark, path) for mark, kind in marks for path in files[kind]]
    # A list of eleven is not cut to ten and "1 more", which takes the same line.
    return (lines, 0) if len(lines) <= most + 1 else (lines[:most], len(lines) - most)


def evaluated_at_apply(change: Change) -> list[str]:
    """Names of the parameters whose default the apply evaluates."""
    if change["action"] not in ("create", "update"):
        return []
    parameters = change["after"]["parameters"]
    return [name for name, described in parameters.items() if described.get("default") == KNOWN_AT_APPLY]
