"""The graph of a flow: a Mermaid flowchart, and lines for a terminal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypedDict

from deployer.models.flow import StepKind
from deployer.models.visible import escape_controls
from deployer.views.page import Page

_OPENS = ("split", "foreach", "parallel")
# What runs the steps after it more than once.
_MULTIPLIES = ("foreach", "parallel")
_PLAIN = re.compile(r"[^A-Za-z0-9_ .-]")


class _StepFields(TypedDict):
    kind: StepKind
    next: list[str]


class GraphStep(_StepFields, total=False):
    """`StepNode` of a canonical description, as JSON."""

    foreach_over: str | None
    joins: str | None
    condition: str | None
    cases: Mapping[str, str]


class Graph(TypedDict):
    """`GraphDescription` of a canonical description, as JSON. Every step can be reached from the first."""

    start: str
    end: str
    steps: Mapping[str, GraphStep]


def graph_to_mermaid(graph: Graph) -> str:
    """A Mermaid flowchart. Steps are s0, s1, ... (``end`` is a keyword of Mermaid), and their names quoted labels."""
    order = ordered_steps(graph)
    ids = {name: f"s{number}" for number, name in enumerate(order)}
    lines = ["flowchart TD"]
    for name in order:
        left, right = _shape(graph, name)
        lines.append(f'    {ids[name]}{left}"{label(name)}"{right}')
    for name in order:
        step = graph["steps"][name]
        lines += [f"    {ids[name]} {_edge(step, target)} {ids[target]}" for target in step["next"]]
    return "\n".join(lines) + "\n"


def _shape(graph: Graph, name: str) -> tuple[str, str]:
    if name in (graph["start"], graph["end"]):
        return "([", "])"
    return ("{", "}") if graph["steps"][name]["kind"] == "switch" else ("[", "]")


def _edge(step: GraphStep, target: str) -> str:
    if step["kind"] == "foreach":
        return f'==>|"for each {label(step.get("foreach_over") or "item")}"|'
    if step["kind"] == "parallel":
        return '==>|"num_parallel"|'
    cases = _cases(step, target)
    return f'-->|"{label(cases)}"|' if cases else "-->"


def label(text: str) -> str:
    """Everything but plain characters as Mermaid's entity codes, so that no name can end a label or a code fence."""
    return _PLAIN.sub(lambda match: f"#{ord(match.group())};", escape_controls(text))


def ordered_steps(graph: Graph) -> list[str]:
    """Step names from start to end: each branch as a whole, and a join after all its branches."""
    steps = graph["steps"]
    done: list[str] = []
    seen = {graph["start"]}
    stack = [(graph["start"], list(steps[graph["start"]]["next"]))]
    while stack:  # not recursive: a flow of a thousand steps is deeper than Python's own stack
        name, left = stack[-1]
        if not left:
            done.append(name)
            stack.pop()
        elif (target := left.pop()) not in seen:
            seen.add(target)
            stack.append((target, list(steps[target]["next"])))
    return done[::-1]


def _cases(step: GraphStep, target: str) -> str:
    return ", ".join(case for case, name in step.get("cases", {}).items() if name == target)


def _depths(graph: Graph, order: list[str]) -> dict[str, int]:
    """How many splits and foreaches enclose each step."""
    depths: dict[str, int] = {}
    for name in order:
        step = graph["steps"][name]
        closed = step.get("joins")
        depth = depths.get(closed, depths.get(name, 0)) if closed else depths.get(name, 0)
        depths[name] = depth
        inside = depth + (step["kind"] in _OPENS)
        for target in step["next"]:
            depths.setdefault(target, inside)
    return depths


def graph_to_text(graph: Graph, width: int = 80, colour: bool = False, indent: int = 0) -> str:
    """One line for each step, in order and indented by nesting, with the steps that follow it."""
    page = Page(width, colour)
    order = ordered_steps(graph)
    depths = _depths(graph, order)
    names = {name: "  " * depths[name] + escape_controls(name) for name in order}
    column = min(max(map(len, names.values())), page.width // 2) + 2
    for name in order:
        parts = _line(graph["steps"][name])
        page.entry((names[name], "bold"), *parts, indent=indent, label_width=max(column, len(names[name]) + 2))
    return page.text()


def _line(step: GraphStep) -> list[tuple[str, str]]:
    targets = [escape_controls(target) + _case_mark(step, target) for target in step["next"]]
    arrow = "=>" if step["kind"] in _MULTIPLIES else "->"
    parts = [(f"{arrow} {', '.join(targets)}", "")] if targets else []
    mark = _mark(step)
    if mark:
        parts.append((f"{'  ' if parts else ''}({mark})", "dim"))
    return parts


def _mark(step: GraphStep) -> str:
    """What a step does to the flow's branches; empty for a linear step."""
    match step["kind"]:
        case "split":
            return "split"
        case "switch":
            return f"switch on {escape_controls(step.get('condition') or '?')}"
        case "foreach":
            return f"for each of {escape_controls(step.get('foreach_over') or '?')}"
        case "parallel":
            return "num_parallel: all nodes in one task"
        case "join":
            return f"joins {escape_controls(step.get('joins') or 'its branches')}"
        case _:
            return ""


def _case_mark(step: GraphStep, target: str) -> str:
    cases = _cases(step, target)
    return f" [{escape_controls(cases)}]" if cases else ""
