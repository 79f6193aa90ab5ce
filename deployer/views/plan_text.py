"""A plan as text for a terminal, made from its JSON form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployer.models.plan import Action
from deployer.models.visible import escape_controls
from deployer.views import violations as policies
from deployer.views.packed_files import folded, folded_line, own_files, packed_remark
from deployer.views.page import Page, Part
from deployer.views.plan_effects import SEVERAL, TOOL_WORDS, common_remarks, own_rows, tools_only
from deployer.views.plan_values import EnvironmentValues, ValueLine, by_group, known_at_apply, mark_text
from deployer.views.plan_words import (
    MOST_HAVE,
    TOOLS_REMARK,
    Change,
    baseline,
    diff_line,
    edit_rest,
    edit_title,
    explanation,
    field_texts,
    file_lines,
    former_ids,
    group_fields,
    known_by_topic,
    narrowing,
    new_deployment,
    new_schedule,
    not_planned,
    pending_by_environment,
    shown_reasons,
    summary_line,
    warning_text,
)

SYMBOLS = {"create": "+", "update": "~", "delete": "-", "conflict": "!"}
COMPLETED: Mapping[Action, str] = {"create": "created", "update": "updated", "delete": "deleted"}
STYLES = {"create": "green", "update": "yellow", "delete": "red", "conflict": "bold magenta"}
_FILE_STYLES = {"+": "green", "~": "yellow", "-": "red"}
_DIFF_STYLES = {"+": "green", "-": "red", "@": "cyan"}
_VIOLATION_STYLES = {"error": "bold red", "warning": "bold yellow", "exempted": "dim"}
_INDENT = 6
_WIDEST_LABEL = len("metaflow version  ")


def plan_to_text(
    plan: Mapping[str, Any],
    *,
    width: int = 80,
    colour: bool = False,
) -> str:
    """The plan as text. `plan` is the result of `plan_to_json`."""
    page = Page(width, colour)
    former = former_ids(plan)
    pending = pending_by_environment(plan)
    common = common_remarks([change for changes in pending.values() for change in changes], former)
    for environment, changes in pending.items():
        target = escape_controls(str(plan["targets"].get(environment, "")))
        page.line((escape_controls(environment), "bold"), (f"  {target}", "dim"))
        shown, in_one_line = folded(changes)
        lengths = [len(escape_controls(change["address"])) for change in shown]
        column = min(max(lengths, default=0), page.width // 2)
        values = EnvironmentValues(changes)
        for change in shown:
            page.blank()
            _change(page, change, _Around(former, common, values), column)
        page.blank()
        _folded(page, in_one_line, len(shown))
        _shared(page, values.shared)
    _common(page, common)
    _warnings(page, plan["warnings"])
    _violations(page, plan["violations"])
    if baseline(plan):
        page.line((escape_controls(baseline(plan)), "dim"))
    if narrowing(plan):
        page.line((escape_controls(narrowing(plan)), "dim"))
    if not_planned(plan):
        page.line((escape_controls(not_planned(plan)), "bold red"))
    page.line((summary_line(plan["summary"]), "bold"))
    if policies.verdict(plan["violations"]):
        page.line((policies.verdict(plan["violations"]), "bold red"))
    return page.text()


@dataclass(frozen=True)
class _Around:
    """What a change is shown with: the old DAG ids by address, what is said of several changes, and all values."""

    former: Mapping[str, str]
    common: Mapping[str, str]
    values: EnvironmentValues


def _folded(page: Page, changes: Sequence[Change], beside: int) -> None:
    """The changes that one line is about."""
    if not changes:
        return
    who, what = folded_line(changes, beside)
    symbol = (SYMBOLS["update"], STYLES["update"])
    page.line("  ", symbol, " ", (f"{who}: ", "bold"), escape_controls(what), hang=_INDENT)
    page.blank()


def _shared(page: Page, shared: Sequence[ValueLine]) -> None:
    """What most new deployments of an environment have."""
    if not shared:
        return
    page.line((MOST_HAVE, "dim"), indent=2)
    groups = list(by_group(shared))
    label_width = max(len(group) for group, _ in groups) + 2
    for group, texts in groups:
        for number, text in enumerate(texts):
            page.entry(group if number == 0 else "", escape_controls(text), indent=_INDENT, label_width=label_width)
    page.blank()


def _common(page: Page, common: Mapping[str, str]) -> None:
    """What holds for several changes."""
    if not common:
        return
    page.line((SEVERAL, "bold"))
    for sentence, subject in common.items():
        page.line("- ", (f"{escape_controls(subject)}: ", "bold"), escape_controls(sentence), indent=2, hang=2)
    page.blank()


def _warnings(page: Page, warnings: Sequence[Mapping[str, Any]]) -> None:
    """What the reviewer must know besides, such as what an apply would refuse."""
    if not warnings:
        return
    page.line(("Warnings", "bold yellow"))
    for warning in warnings:
        origin = f"{escape_controls(warning['origin'])}: " if warning["origin"] else ""
        page.line("- ", (origin, "dim"), escape_controls(warning_text(warning)), indent=2, hang=2)
    page.blank()


def _violations(page: Page, violations: Sequence[Mapping[str, Any]]) -> None:
    """What the policies say."""
    if not violations:
        return
    page.line((policies.TITLE, "bold red" if any(map(policies.stops, violations)) else "bold yellow"))
    for each, more in policies.folded(violations):
        page.line(
            "- ",
            (f"{escape_controls(each['origin'])}: " if each["origin"] else "", "dim"),
            (policies.label(each), _VIOLATION_STYLES[policies.label(each)]),
            f" {escape_controls(each['address'])}: {escape_controls(policies.sentence(each))}",
            indent=2,
            hang=2,
        )
        if more:
            page.line((f"  {escape_controls(policies.rest(each, more))}", "dim"), indent=2, hang=2)
    page.blank()


def _change(page: Page, change: Change, around: _Around, column: int) -> None:
    action = change["action"]
    symbol = (SYMBOLS[action], STYLES[action])
    address = escape_controls(change["address"])
    page.line("  ", symbol, " ", (f"{address:<{column}}", "bold"), f"  {escape_controls(change['name'])}", hang=_INDENT)
    entries = [entry for reason in shown_reasons(change) for entry in _reason(page, change, reason)]
    entries += _beside(change, around)
    label_width = max((len(_plain(label)) for label, _ in entries), default=0) + 2
    for label, parts in entries:
        page.entry(label, *parts, indent=_INDENT, label_width=label_width)
    meaning = explanation(change, around.former, around.common)
    if meaning:
        page.line((escape_controls(meaning), "dim"), indent=_INDENT, hang=0)


def _plain(label: Part) -> str:
    return label if isinstance(label, str) else label[0]


Entry = tuple[Part, Sequence[Part]]


def _reason(page: Page, change: Change, reason: Mapping[str, Any]) -> Iterator[Entry]:
    """The lines of one reason; only the first line is labelled with its word."""
    word = reason["word"]
    lines = list(_details(page, change, reason))
    if word == "new" and not lines:
        lines = [[new_deployment(change)]]
    if word in TOOL_WORDS and not tools_only(change):
        lines.append([(TOOLS_REMARK, "dim")])
    for number, line in enumerate(lines or [[""]]):
        yield (word if number == 0 else "", line)


def _details(page: Page, change: Change, reason: Mapping[str, Any]) -> Iterator[Sequence[Part]]:
    if reason["note"]:
        yield [escape_controls(reason["note"])]
    yield from ([escape_controls(sentence)] for sentence in reason["sentences"])
    for name, field in group_fields(reason, change):
        yield from _field(page, name, field)
    if reason["files"]:
        lines, more = file_lines(own_files(reason["files"]))
        for mark, path in lines:
            yield [(mark, _FILE_STYLES[mark]), f" {escape_controls(path)}"]
        if more:
            yield [(f"and {more} more files", "dim")]
        if packed_remark(reason["files"]):
            yield [(escape_controls(packed_remark(reason["files"])), "dim")]
    if reason["edit"] and reason["edit"]["lines"]:
        yield from _edit(reason["edit"])


def _edit(edit: Mapping[str, Any]) -> Iterator[Sequence[Part]]:
    yield [escape_controls(edit_title(edit))]
    for line in edit["lines"]:
        yield [(diff_line(line), _DIFF_STYLES.get(line[:1], "dim"))]
    if edit_rest(edit):
        yield [(edit_rest(edit), "dim")]


def _field(page: Page, name: str, field: Mapping[str, Any]) -> Iterator[Sequence[Part]]:
    """``path: before -> after``, on three lines if one is too narrow."""
    room = page.width - _INDENT - _WIDEST_LABEL
    name, before, after = field_texts(escape_controls(name), field, min(60, room - len("  -> ")))
    origin = escape_controls(field["origin"])
    length = len(name) + len(before) + len(after) + len(":  -> ")
    if length > room:
        yield [f"{name}:"]
        yield [f"     {before}"]
        yield [("  -> ", "dim"), after]
    elif length + len(origin) + 2 <= room or not origin:
        yield [f"{name}: {before} ", ("->", "dim"), f" {after}", (f"  {origin}" if origin else "", "dim")]
        return
    else:
        yield [f"{name}: {before} ", ("->", "dim"), f" {after}"]
    if origin:
        yield [(f"  {origin}", "dim")]


def _beside(change: Change, around: _Around) -> Iterator[Entry]:
    """What is worth knowing in addition to the reasons."""
    for number, mark in enumerate(change["marks"]):
        yield ("review" if number == 0 else "", "bold red"), [(escape_controls(mark_text(mark, change)), "bold red")]
    schedule = new_schedule(change)
    if schedule:
        yield "schedule", [escape_controls(schedule)]
    rows = list(own_rows(change, around.common))
    yield from ((label, [escape_controls(text)]) for label, text in rows if change["action"] == "create")
    for group, texts in by_group([*known_at_apply(change), *around.values.own(change)]):
        yield from ((group if number == 0 else "", [escape_controls(text)]) for number, text in enumerate(texts))
    yield from ((label, [escape_controls(text)]) for label, text in rows if change["action"] != "create")
    for topic, known in known_by_topic(change):
        for number, each in enumerate(known):
            text = escape_controls(each["text"])
            yield topic if number == 0 else "", [(text, "bold yellow") if each["serious"] else text]
