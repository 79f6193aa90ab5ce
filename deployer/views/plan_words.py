"""The sentences about a plan that the text and the Markdown view share. They are made from the plan's JSON form."""

from __future__ import annotations

import json
from collections.abc import Container, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from deployer.models.visible import escape_controls
from deployer.views.escape_controls import pair_text, shorten_message, shorten_pair
from deployer.views.plan_effects import meaning_of
from deployer.views.plan_values import plain_amount, step_names
from deployer.views.words import count, listed

TOOLS_REMARK = "a change of the tools, not of yours"
REFUSED = "An apply is refused until this is solved, or left out with --exclude."
MOST_HAVE = "The new deployments above have, where they say nothing else:"
MOST_FILES = 10

Change = Mapping[str, Any]
"""A change as JSON, see the schema of saved plans."""


def summary_line(summary: Mapping[str, int]) -> str:
    """``Plan: 2 to create, 1 to update, 0 to delete; 7 unchanged.``, or that there are no changes."""
    unchanged = summary["none"]
    if sum(summary.values()) == unchanged:
        if unchanged == 0:
            return "No changes. There are no deployments."
        return f"No changes. {count(unchanged, 'deployment')} {'is' if unchanged == 1 else 'are'} up to date."
    parts = [f"{summary[action]:,} to {action}" for action in ("create", "update", "delete")]
    if summary["conflict"]:
        parts.append(count(summary["conflict"], "conflict"))
    return f"Plan: {', '.join(parts)}; {unchanged:,} unchanged."


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


def shown_reasons(change: Change) -> list[Mapping[str, Any]]:
    """The reasons, without those whose fields all follow from fields of other reasons."""
    return [reason for reason in change["reasons"] if _says_something(reason)]


def _says_something(reason: Mapping[str, Any]) -> bool:
    beside = any(reason[key] for key in ("sentences", "files", "note", "edit"))
    return beside or not reason["fields"] or bool(shown_fields(reason))


def shown_fields(reason: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The fields of a reason that say something of their own, with amounts as numbers."""
    fields = [] if reason["sentences"] else [field for field in reason["fields"] if not field["follows"]]
    return [_with_amounts(field) for field in fields]


def _with_amounts(field: Mapping[str, Any]) -> Mapping[str, Any]:
    before, after = (plain_amount(field["field"], field[side]) for side in ("before", "after"))
    # Of a text and the same number the difference is the quotes.
    return field if before == after else {**field, "before": before, "after": after}


def group_fields(reason: Mapping[str, Any], change: Change) -> list[tuple[str, Mapping[str, Any]]]:
    """The fields of a reason with the names that are shown for them. A change that steps share is shown once."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for field in shown_fields(reason):
        _, what = step_of_field(field)
        same = [what, field["before"], field["after"], field["origin"]] if what else field["field"]
        groups.setdefault(json.dumps(same), []).append(field)
    return [(_name(group, change), group[0]) for group in groups.values()]


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


def step_of_field(field: Mapping[str, Any]) -> tuple[str, str]:
    """The step that a field (with its dotted path as `field`) is about, and the path below it; else two empty texts."""
    section, *path = str(field["field"]).split(".")
    if section == "settings" and path[:1] == ["steps"]:
        path = path[1:]
    elif section not in ("retries", "resources"):
        return "", ""
    return (path[0], ".".join(path[1:])) if len(path) > 1 else ("", "")


def _name(group: Sequence[Mapping[str, Any]], change: Change) -> str:
    """A field's path below its section, which the word of the reason already names."""
    if len(group) == 1:
        path = str(group[0]["field"])
        return path.partition(".")[2] or path
    steps = [step_of_field(field)[0] for field in group]
    return f"{step_of_field(group[0])[1]} of {step_names(steps, change)}"


def narrowing(plan: Mapping[str, Any]) -> str:
    """Which flows a narrowed plan is about; empty if it is about all flows."""
    parts = [f"flows matching {', '.join(plan['flows'])}"] if plan["flows"] else []
    parts += [f"without {', '.join(plan['exclude'])}"] if plan["exclude"] else []
    return f"Only a part is planned: {', '.join(parts)}." if parts else ""


def not_planned(plan: Mapping[str, Any]) -> str:
    """Which deployments are missing from a plan since they are broken; empty if none is."""
    addresses = [broken["address"] for broken in plan["broken"]]
    if not addresses:
        return ""
    verb = "is" if len(addresses) == 1 else "are"
    return f"Not planned: {listed(addresses, 20)}, which {verb} broken. An apply needs a plan without errors."


def baseline(plan: Mapping[str, Any]) -> str:
    """The revision that a plan compares with; empty if it compares with what is deployed."""
    against = plan["against"]
    if not against:
        return ""
    named = against["revision"]
    where = named if against["commit"].startswith(named) else f"{named} ({against['commit'][:12]})"
    return f"Against what {where} would deploy, not against what is deployed."


def warning_text(warning: Mapping[str, Any]) -> str:
    """A warning of a plan in a sentence: what it is about, what is wrong, what to do."""
    path = f"{warning['path']}: " if warning["path"] else ""
    hint = f"; {warning['hint']}" if warning["hint"] else ""
    return shorten_message(" ".join(f"{path}{warning['message']}{hint}".split()))


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


def explanation(change: Change, former: Mapping[str, str], common: Container[str] = ()) -> str:
    """What a change means if that is not clear from its reasons; else empty.

    `former` is from `former_ids`; `common` are the sentences that are said of several changes at once.
    """
    old = former.get(change["address"], "")
    if change["action"] == "conflict":
        hints = "; ".join(reason["hint"] for reason in change["reasons"] if reason["hint"])
        return f"{REFUSED} {hints[:1].upper()}{hints[1:]}." if hints else REFUSED
    if old and change["action"] == "create":
        return f"To Airflow this is a new DAG with no runs yet. The history stays behind under the old id, {old}."
    meaning = meaning_of(change, former)
    return "" if meaning in common else meaning


def new_deployment(change: Change) -> str:
    """A new deployment, in a few words."""
    schedule = "" if new_schedule(change) else ", no schedule"
    return f"not deployed yet, {count(len(change['after']['graph']['steps']), 'step')}{schedule}"


def new_schedule(change: Change) -> str:
    """The schedule of a deployment that is created: ``0 3 * * *, Europe/Helsinki``.

    Empty for other changes, and for a new deployment without one, of which `new_deployment` says it.
    """
    if change["action"] != "create":
        return ""
    schedule = change["after"]["schedule"]
    crons = schedule.get("crons") or list(filter(None, [schedule.get("cron")]))
    if not crons:
        return "" if any(reason["word"] == "new" for reason in change["reasons"]) else "none"
    parts = ["; ".join(crons), *filter(None, [schedule.get("timezone")])]
    parts += ["with catchup"] if schedule.get("catchup") else []
    parts += [f"from {schedule['start_date']} on"] if schedule.get("start_date") else []
    return ", ".join(parts)


def file_lines(files: Mapping[str, Sequence[str]], most: int = MOST_FILES) -> tuple[list[tuple[str, str]], int]:
    """``("+", path)`` for each file, at most `most` of them, and how many were left out."""
    marks = (("+", "added"), ("-", "removed"), ("~", "changed"))
    lines = [(mark, path) for mark, kind in marks for path in files[kind]]
    # A list of eleven is not cut to ten and "1 more", which takes the same line.
    return (lines, 0) if len(lines) <= most + 1 else (lines[:most], len(lines) - most)


def known_by_topic(change: Change) -> Iterator[tuple[str, Sequence[Mapping[str, Any]]]]:
    """What is known of a change beside manifests and target, by what it is about."""
    for topic, known in groupby(change["known"], key=lambda each: str(each["topic"])):
        yield topic, list(known)
