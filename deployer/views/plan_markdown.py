"""A plan as Markdown for a pull request's comment, made from its JSON form.

Names, paths and values come from the author of the pull request, so each is in a code span or in HTML entities: none
can start a mention, a link, a heading or a tag.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployer.models.markdown import block_fence, code_span
from deployer.models.visible import escape_controls
from deployer.views import violations as policies
from deployer.views.graph import graph_to_mermaid
from deployer.views.packed_files import folded, folded_line, own_files, packed_remark
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
from deployer.views.starts_graph import starts_to_mermaid
from deployer.views.words import count

MOST_CHARACTERS = 60_000  # GitHub takes 65,536
_RESERVE = 400  # for the sentences about what was left out
_SHORTEST = 20  # no row, line or detail is shorter
_MOST_STEPS = 120  # a larger picture is not readable, and Mermaid refuses the largest
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_READ = re.compile(r"([\\`*_\[\]<>#!|~@&$]|:(?=//)|(?<=www)\.)", re.IGNORECASE)
_SAID_IN_BRIEF = ("drifted", "adopted", "conflict", "restored", "removed")
_COLUMNS = ("create", "update", "delete", "conflict", "unchanged")


def code(text: str) -> str:
    """`text` as a code span."""
    return code_span(escape_controls(text) or " ")


def code_html(text: str) -> str:
    """`text` as inline code in HTML: ``|`` ends a code span in a table, and a summary is not Markdown."""
    return f"<code>{_PUNCTUATION.sub(lambda match: f'&#{ord(match.group())};', escape_controls(text))}</code>"


def prose(text: str) -> str:
    """A sentence with every character escaped that Markdown or GitHub would interpret."""
    # GitHub finds mentions and issues after Markdown: an escaped "@" or "#" alone would still be one.
    return _READ.sub(r"\\\1", escape_controls(text)).replace("\\@", "\\@&#8203;").replace("\\#", "\\#&#8203;")


def plan_to_markdown(
    plan: Mapping[str, Any],
    *,
    sources: Mapping[str, str] | None = None,
    limit: int = MOST_CHARACTERS,
) -> str:
    """The plan in at most `limit` characters. `sources` maps DAG files to their source diffs, if wanted."""
    pieces = [f"### mfdeploy plan\n\n**{summary_line(plan['summary'])}**\n"]
    if baseline(plan):
        pieces.append(f"\n{prose(baseline(plan))}\n")
    if narrowing(plan):
        pieces.append(f"\n{_prose_within(narrowing(plan), limit // 20)}\n")
    pieces.append(_violations(plan["violations"], limit // 5))
    pieces.append(_warnings(plan["warnings"], limit // 5))
    if not_planned(plan):
        pieces.append(f"\n**{_prose_within(not_planned(plan), limit // 20)}**\n")
        problems = (f"- {prose(problem)}\n" for broken in plan["broken"] for problem in broken["problems"])
        lines, _ = _take(((line,) for line in dict.fromkeys(problems)), limit // 10)
        pieces += ["\n", *lines]
    pending = pending_by_environment(plan)
    around = _around(pending, plan)
    if pending:
        pieces.append(_table(plan, limit // 10))
    remarks, _ = _take(((line,) for line in _common(around)), limit // 10)
    budget = limit - sum(map(len, (*pieces, *remarks))) - _RESERVE
    lines, left_out = _take(((line,) for line in _lists(pending, plan, around)), budget)
    pieces += lines
    if left_out:
        pieces.append(f"\n{count(left_out, 'more line')} left out here: see the full plan.\n")
    pieces += remarks
    budget -= sum(map(len, lines))
    starts, _ = _take(((picture,) for picture in _starts(pending)), budget // 4)
    pieces += starts
    budget -= sum(map(len, starts))
    details, left_out = _take(_all_details(pending, around, sources or {}), budget)
    pieces += details
    if left_out:
        pieces.append(f"\nDetails of {count(left_out, 'more change')} left out here: see the full plan.\n")
    return "".join(pieces)


@dataclass(frozen=True)
class _Around:
    """What changes are shown with: old DAG ids by address, what is said of several, the values by environment."""

    former: Mapping[str, str]
    common: Mapping[str, str]
    values: Mapping[str, EnvironmentValues]


def _around(pending: Mapping[str, Sequence[Change]], plan: Mapping[str, Any]) -> _Around:
    former = former_ids(plan)
    common = common_remarks([change for changes in pending.values() for change in changes], former)
    return _Around(former, common, {name: EnvironmentValues(changes) for name, changes in pending.items()})


def _take(texts: Iterable[Iterable[str]], budget: int) -> tuple[list[str], int]:
    """The texts that fit into the budget, each in its first form that fits, and how many did not fit.

    Forms are generated lazily: if no room is left, thousands of details are never made.
    """
    taken: list[str] = []
    left_out = 0
    for forms in texts:
        text = next((form for form in forms if len(form) <= budget), None) if budget >= _SHORTEST else None
        if text is None:
            left_out += 1
        else:
            taken.append(text)
            budget -= len(text)
    return taken, left_out


def _warnings(warnings: Sequence[Mapping[str, Any]], most: int) -> str:
    """What a reviewer must know, before anything else."""
    lines = (f"- **warning** {_at(each)}{prose(warning_text(each))}\n" for each in warnings)
    kept, left_out = _take(((line,) for line in lines), most)
    more = f"- {count(left_out, 'more warning')} left out here: see the full plan.\n" if left_out else ""
    return f"\n{''.join(kept)}{more}" if warnings else ""


def _violations(violations: Sequence[Mapping[str, Any]], most: int) -> str:
    """What the policies say; what stops an apply first, since the rest may not fit."""
    if not violations:
        return ""
    lines = (
        f"- **{policies.label(each)}** {_at(each)}{code(each['address'])}: {prose(policies.sentence(each))}\n"
        + (f"  - {prose(policies.rest(each, more))}\n" if more else "")
        for each, more in policies.folded(violations, worst_first=True)
    )
    kept, left_out = _take(((line,) for line in lines), most)
    more = f"- {count(left_out, 'more violation')} left out here: see the full plan.\n" if left_out else ""
    title = policies.verdict(violations) or policies.TITLE
    return f"\n**{title}**\n\n{''.join(kept)}{more}"


def _at(warning: Mapping[str, Any]) -> str:
    return f"{code(warning['origin'])}: " if warning["origin"] else ""


def _prose_within(text: str, most: int) -> str:
    # Each character becomes eleven at most.
    return prose(text if len(text) <= most // 11 else f"{text[: most // 11]} ...")


def _table(plan: Mapping[str, Any], most: int) -> str:
    """The number of changes of each kind by environment, in about `most` characters."""
    found: dict[str, Counter[str]] = {}
    for change in plan["changes"]:
        found.setdefault(change["environment"], Counter())[change["action"]] += 1
    rows = ["| environment | " + " | ".join(_COLUMNS) + " |", "|---|" + "--:|" * len(_COLUMNS)]
    kept, left_out = _take(([_row(name, found[name])] for name in sorted(found)), most)
    more = f"\n{count(left_out, 'more environment')} left out here: see the full plan.\n" if left_out else ""
    return "\n" + "\n".join([*rows, *kept]) + f"\n{more}"


def _row(environment: str, actions: Mapping[str, int]) -> str:
    counts = [actions.get("none" if column == "unchanged" else column, 0) for column in _COLUMNS]
    return f"| {code_html(environment)} | {' | '.join(str(number or '') for number in counts)} |"


def _lists(pending: Mapping[str, Sequence[Change]], plan: Mapping[str, Any], around: _Around) -> Iterator[str]:
    for environment, changes in pending.items():
        target = plan["targets"].get(environment)
        yield f"\n#### {code(environment)}{f' at {code(target)}' if target else ''}\n\n"
        shown, in_one_line = folded(changes)
        for change in shown:
            words = ", ".join(_in_brief(reason) for reason in shown_reasons(change))
            ours = f" ({TOOLS_REMARK})" if tools_only(change) else ""
            dag_id = code(change["name"])
            yield f"- **{change['action']}** {code(change['address'])} as {dag_id}: {words}{ours}{_marks(change)}\n"
        if in_one_line:
            who, what = folded_line(in_one_line, len(shown))
            yield f"- **update** {who}: {prose(what)}\n"
        for number, line in enumerate(_groups(around.values[environment].shared)):
            title = "" if number else f"\n{MOST_HAVE}\n\n"
            yield f"{title}{line}\n"


def _common(around: _Around) -> Iterator[str]:
    """What holds for several changes."""
    for number, (sentence, subject) in enumerate(around.common.items()):
        title = "" if number else f"\n#### {SEVERAL}\n\n"
        yield f"{title}- {prose(subject)}: {prose(sentence)}\n"


def _marks(change: Change) -> str:
    # Visible without unfolding the details.
    return "".join(f"; **review: {prose(mark_text(mark, change))}**" for mark in change["marks"])


def _groups(lines: Sequence[ValueLine]) -> Iterator[str]:
    """A list item for each group of values, with an item below it for each line where there are several."""
    for group, texts in by_group(lines):
        if len(texts) == 1:
            yield f"- {group}: {code(texts[0])}"
        else:
            yield "\n".join([f"- {group}", *(f"  - {code(text)}" for text in texts)])


def _in_brief(reason: Mapping[str, Any]) -> str:
    # What an apply would overwrite or refuse is visible without unfolding the details.
    note = prose(reason["note"]) if reason["word"] in _SAID_IN_BRIEF else ""
    return f"{reason['word']} ({note})" if note else str(reason["word"])


def _all_details(
    pending: Mapping[str, Sequence[Change]], around: _Around, sources: Mapping[str, str]
) -> Iterator[Iterator[str]]:
    """The details of each change, each with a shorter form that has no graph."""
    for changes in pending.values():
        for change in folded(changes)[0]:
            yield _forms(change, around)
    for file, diff in sorted(sources.items()):
        if diff:
            fence = block_fence(diff)
            yield iter([_folded(f"source of {file}", f"{fence}diff\n{diff}{fence}\n")])


def _forms(change: Change, around: _Around) -> Iterator[str]:
    body = "".join(f"{line}\n" for line in _details(change, around))
    title = f"{change['action']} {change['address']}"
    yield _folded(title, body + _picture(change))
    yield _folded(title, body)


def _folded(title: str, body: str) -> str:
    return f"\n<details><summary>{code_html(title)}</summary>\n\n{body}\n</details>\n"


def _details(change: Change, around: _Around) -> Iterator[str]:
    for reason in shown_reasons(change):
        remark = f" ({TOOLS_REMARK})" if reason["word"] in TOOL_WORDS else ""
        about = new_deployment(change) if reason["word"] == "new" else reason["note"]
        note = f": {prose(about)}" if about else ""
        yield f"- {reason['word']}{remark}{note}"
        yield from (f"  - {prose(sentence)}" for sentence in reason["sentences"])
        for name, field in group_fields(reason, change):
            shown, before, after = field_texts(name, field, 200)
            origin = f" ({code(field['origin'])})" if field["origin"] else ""
            yield f"  - {code(shown)}: {code(before)} → {code(after)}{origin}"
        lines, more = file_lines(own_files(reason["files"])) if reason["files"] else ([], 0)
        for mark, path in lines:
            yield f"  - {code(f'{mark} {path}')}"
        if more:
            yield f"  - and {more} more files"
        if reason["files"] and packed_remark(reason["files"]):
            yield f"  - {prose(packed_remark(reason['files']))}"
        if reason["edit"] and reason["edit"]["lines"]:
            yield from _edit(reason["edit"])
    yield from _beside(change, around)
    meaning = explanation(change, around.former, around.common)
    if meaning:
        yield f"\n{prose(meaning)}"


def _edit(edit: Mapping[str, Any]) -> Iterator[str]:
    """The diff in a list item, fenced: nothing in it can end the fence."""
    lines = [diff_line(line) for line in edit["lines"]]
    fence = block_fence("\n".join(lines))
    yield f"  - {prose(edit_title(edit))}"
    yield f"\n    {fence}diff"
    yield from (f"    {line}" for line in lines)
    yield f"    {fence}\n"
    if edit_rest(edit):
        yield f"  - {edit_rest(edit)}"


def _beside(change: Change, around: _Around) -> Iterator[str]:
    yield from (f"- **review: {prose(mark_text(mark, change))}**" for mark in change["marks"])
    if schedule := new_schedule(change):
        yield f"- schedule: {code(schedule)}"
    yield from _groups([*known_at_apply(change), *around.values[change["environment"]].own(change)])
    for label, text in own_rows(change, around.common):
        yield f"- {label}: {prose(text)}"
    for topic, known in known_by_topic(change):
        said = "; ".join(f"**{prose(each['text'])}**" if each["serious"] else prose(each["text"]) for each in known)
        yield f"- {topic}: {said}"


def _starts(pending: Mapping[str, Sequence[Change]]) -> Iterator[str]:
    """A picture of the flows that start each other, folded."""
    graph = starts_to_mermaid(change for changes in pending.values() for change in changes)
    if graph:
        yield f"\n<details><summary>Which flow starts which</summary>\n\n```mermaid\n{graph}```\n\n</details>\n"


def _picture(change: Change) -> str:
    """The flow's graph if it is new or has changed."""
    words = {reason["word"] for reason in change["reasons"]}
    if change["after"] is None or not words & {"new", "graph"}:
        return ""
    graph = change["after"]["graph"]
    if len(graph["steps"]) > _MOST_STEPS:
        return f"\n{len(graph['steps'])} steps: too many for a picture here.\n"
    return f"\n```mermaid\n{graph_to_mermaid(graph)}```\n"
