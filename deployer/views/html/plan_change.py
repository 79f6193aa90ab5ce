"""One change of a plan, as its page shows it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from deployer.views.escape_controls import value_text
from deployer.views.html.drawing import difference, drawn_steps, figure
from deployer.views.html.facets import Facets, facets_json
from deployer.views.packed_files import own_files, packed_remark
from deployer.views.plan_effects import TOOL_WORDS, own_rows
from deployer.views.plan_values import known_at_apply, mark_text, plain_amount, step_names
from deployer.views.plan_words import (
    TOOLS_REMARK,
    Change,
    diff_line,
    edit_rest,
    edit_title,
    explanation,
    field_texts,
    file_lines,
    group_fields,
    known_by_topic,
    new_deployment,
    shown_reasons,
    step_of_field,
)

FACETS = ("environment", "action", "reason", "owner", "tag")
_LONGEST = 400  # characters of a value; the JSON form has all
_MOST_FILES = 200
_MOST_TOUCHED = 6
_DIFF_KINDS = {"+": "added", "-": "removed", "@": "place"}


@dataclass(frozen=True)
class FieldRow:
    """A field that differs, or a value of a new deployment: then `before` is empty."""

    group: str
    name: str
    before: str
    after: str
    origin: str


@dataclass(frozen=True)
class ShownReason:
    """A reason without its fields."""

    word: str
    remark: str
    sentences: Sequence[str]
    files: Sequence[tuple[str, str]]
    more: str
    edit: ShownDiff | None


@dataclass(frozen=True)
class ShownDiff:
    """Lines of a unified diff, each with its kind: added, removed, place, or empty."""

    title: str
    lines: Sequence[tuple[str, str]]
    rest: str = ""


@dataclass(frozen=True)
class Drawing:
    """The graph; `differs` is false where the change leaves it and its steps as they are."""

    figure: Markup
    differs: bool


@dataclass(frozen=True)
class ShownChange:
    """All that is shown of a change."""

    change: Change
    id: str
    facets: str
    words: Sequence[str]
    marks: Sequence[str]
    problems: Sequence[Mapping[str, Any]]
    explanation: str
    reasons: Sequence[ShownReason]
    fields: Sequence[FieldRow]
    values: Sequence[FieldRow]
    effects: Sequence[tuple[str, str]]
    known: Sequence[tuple[str, Sequence[Mapping[str, Any]]]]
    drawing: Drawing | None
    diff: ShownDiff | None


def shown_change(
    change: Change, number: int, former: Mapping[str, str], common: Mapping[str, str], source: str
) -> ShownChange:
    """The change as it is shown. `former` and `common` are as for the text view, `source` is its diff or empty."""
    reasons = shown_reasons(change)
    words = list(dict.fromkeys(str(reason["word"]) for reason in reasons))
    return ShownChange(
        change=change,
        id=f"change-{number}",
        facets=facets_json(facets(change)),
        words=words,
        marks=[mark_text(mark, change) for mark in change["marks"]],
        problems=change.get("problems", ()),
        explanation=explanation(change, former, common),
        reasons=list(filter(_says_something, (_reason(reason, change) for reason in reasons))),
        fields=[row for reason in reasons for row in _fields(reason, change)],
        values=list(_values(change)),
        effects=list(own_rows(change, common)),
        known=list(known_by_topic(change)),
        drawing=_drawing(change),
        diff=_diff("Source of the DAG file", source) if source else None,
    )


def facets(change: Change) -> Facets:
    """What a change can be filtered by."""
    settings = (change["after"] or change["before"] or {}).get("settings", {})
    return {
        "environment": [change["environment"]],
        "action": [change["action"]],
        "reason": [str(reason["word"]) for reason in change["reasons"]],
        "owner": [settings["owner"]] if settings.get("owner") else [],
        "tag": settings.get("tags", []),
    }


def _reason(reason: Mapping[str, Any], change: Change) -> ShownReason:
    about = new_deployment(change) if reason["word"] == "new" else reason["note"]
    files: Sequence[tuple[str, str]] = ()
    more, packed = 0, ""
    if reason["files"]:
        files, more = file_lines(own_files(reason["files"]), _MOST_FILES)
        packed = packed_remark(reason["files"])
    edit = reason["edit"]
    return ShownReason(
        word=reason["word"],
        remark=TOOLS_REMARK if reason["word"] in TOOL_WORDS else "",
        sentences=[*filter(None, (about, reason["hint"])), *reason["sentences"], *([packed] if packed else [])],
        files=files,
        more=f"and {more} more files" if more else "",
        edit=ShownDiff(edit_title(edit), _diff_lines(edit["lines"]), edit_rest(edit))
        if edit and edit["lines"]
        else None,
    )


def _says_something(reason: ShownReason) -> bool:
    return bool(reason.sentences or reason.files or reason.edit)


def _fields(reason: Mapping[str, Any], change: Change) -> Iterator[FieldRow]:
    for name, field in group_fields(reason, change):
        shown, before, after = field_texts(name, field, _LONGEST)
        yield FieldRow(str(reason["word"]), shown, before, after, field["origin"])


def _values(change: Change) -> Iterator[FieldRow]:
    """The values of a new deployment. One that steps share is one row."""
    for line in known_at_apply(change):
        yield FieldRow(line.group, line.slot, "", line.text, "")
    rows: dict[str, list[Mapping[str, Any]]] = {}
    for value in change["values"]:
        _, what = step_of_field(value)
        key = [value["group"], what, value["value"], value["origin"]] if what else value["field"]
        rows.setdefault(json.dumps(key), []).append(value)
    for same in rows.values():
        yield _value(same, change)


def _value(same: Sequence[Mapping[str, Any]], change: Change) -> FieldRow:
    first = same[0]
    steps = [step_of_field(value)[0] for value in same]
    path = str(first["field"])
    name = f"{step_of_field(first)[1]} of {step_names(steps, change)}" if steps[0] else path.partition(".")[2] or path
    shown = value_text(plain_amount(path, first["value"]), _LONGEST)
    return FieldRow(first["group"], name, "", shown, first["origin"])


def _drawing(change: Change) -> Drawing | None:
    before, after = ((change[side] or {}).get("graph") for side in ("before", "after"))
    if before is None and after is None:
        return None
    title = f"Graph of {change['address']}{', before and after' if before and after else ''}"
    steps = drawn_steps(before, after, _touched(change))
    return Drawing(figure(steps, title), differs=before is None or after is None or bool(difference(steps)))


def _touched(change: Change) -> dict[str, str]:
    """What else differs in steps: in their retries, their pods and their settings."""
    found: dict[str, dict[str, None]] = {}
    for reason in change["reasons"]:
        for field in reason["fields"]:
            section, *path = str(field["field"]).split(".")
            step, what = step_of_field(field)
            if not step and section in ("retries", "resources") and len(path) == 1:
                step, what = path[0], section
            if step:
                found.setdefault(step, {})[what.partition(".")[0]] = None
    return {step: _listed(list(names)) for step, names in found.items()}


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_TOUCHED} more" if len(names) > _MOST_TOUCHED else ""
    return f"{', '.join(names[:_MOST_TOUCHED])}{more}"


def _diff(title: str, text: str) -> ShownDiff:
    return ShownDiff(title, _diff_lines(text.splitlines()))


def _diff_lines(lines: Sequence[str]) -> list[tuple[str, str]]:
    return [(_DIFF_KINDS.get(line[:1], ""), diff_line(line)) for line in lines]
