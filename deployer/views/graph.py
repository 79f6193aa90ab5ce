"""The picture of a flow: a Mermaid flowchart, and lines for a terminal.

A graph is the JSON form of a canonical description: ``{"start": name, "end": name, "steps": {name: {"kind": ...,
"next": [...], "foreach_over"?: ..., "joins"?: ..., "condition"?: ..., "cases"?: {...}}}}``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from deployer.views.escape_controls import escape_controls
from deployer.views.page import Page

Graph = Mapping[str, Any]
_OPENS = ("split", "foreach")
_PLAIN = re.compile(r"[^A-Za-z0-9_ .-]")


def is_graph(value: Any) -> bool:
    """Whether `value` can be drawn. A plan may come from a file, so nothing is taken for granted."""
    if not isinstance(value, Mapping) or not isinstance(value.get("steps"), Mapping):
        return False
    steps = value["steps"]
    return value.get("start") in steps and all(
        isinstance(step, Mapping) and isinstance(step.get("next", []), (list, tuple)) for step in steps.values()
    )


def graph_to_mermaid(graph: Graph) -> str:
    """A Mermaid flowchart. Steps are s0, s1, ... (``end`` is a word of Mermaid's own), their names quoted labels."""
    order = ordered(graph)
    ids = {name: f"s{number}" for number, name in enumerate(order)}
    lines = ["flowchart TD"]
    for name in order:
        left, right = _shape(graph, name)
        lines.append(f'    {ids[name]}{left}"{_label(name)}"{right}')
    for name in order:
        for target in _next(graph, name):
            lines.append(f"    {ids[name]} {_edge(graph['steps'][name], target)} {ids[target]}")
    return "\n".join(lines) + "\n"


def _shape(graph: Graph, name: str) -> tuple[str, str]:
    if name in (graph["start"], graph.get("end")):
        return "([", "])"
    return ("{", "}") if graph["steps"][name].get("kind") == "switch" else ("[", "]")


def _edge(step: Mapping[str, Any], target: str) -> str:
    if step.get("kind") == "foreach":
        return f'==>|"for each {_label(str(step.get("foreach_over") or "item"))}"|'
    cases = _cases(step, target)
    return f'-->|"{_label(cases)}"|' if cases else "-->"


def _label(text: str) -> str:
    """Everything but plain characters as Mermaid's entity codes, so that no name can end a label or a code fence."""
    return _PLAIN.sub(lambda match: f"#{ord(match.group())};", escape_controls(text))


def ordered(graph: Graph) -> list[str]:
    """Step names from start to end: each branch whole, a join after all its branches."""
    done: list[str] = []
    seen = {graph["start"]}
    stack = [(graph["start"], list(_next(graph, graph["start"])))]
    while stack:  # by hand: a flow of a thousand steps is deeper than Python's own stack
        name, left = stack[-1]
        if not left:
            done.append(name)
            stack.pop()
        elif (target := left.pop()) not in seen:
            seen.add(target)
            stack.append((target, list(_next(graph, target))))
    return [*reversed(done), *sorted(name for name in graph["steps"] if name not in seen)]


def _next(graph: Graph, name: str) -> list[str]:
    return [target for target in graph["steps"][name].get("next", []) if target in graph["steps"]]


def _cases(step: Mapping[str, Any], target: str) -> str:
    cases = step.get("cases")
    if not isinstance(cases, Mapping):
        return ""
    return ", ".join(str(case) for case, name in cases.items() if name == target)


def _depths(graph: Graph, order: list[str]) -> dict[str, int]:
    """How many splits and foreaches enclose each step."""
    depths: dict[str, int] = {}
    for name in order:
        step = graph["steps"][name]
        closed = step.get("joins")
        depth = depths.get(closed, depths.get(name, 0)) if closed else depths.get(name, 0)
        depths[name] = depth
        inside = depth + (step.get("kind") in _OPENS)
        for target in _next(graph, name):
            depths.setdefault(target, inside)
    return depths


def graph_to_text(graph: Graph, width: int = 80, colour: bool = False, indent: int = 0) -> str:
    """One line for each step, in order and indented by nesting, with where it leads and how."""
    page = Page(width, colour)
    order = ordered(graph)
    depths = _depths(graph, order)
    names = {name: "  " * depths[name] + escape_controls(name) for name in order}
    column = min(max(map(len, names.values())), page.width // 2) + 2
    for name in order:
        parts = _line(graph, name)
        page.entry((names[name], "bold"), *parts, indent=indent, label_width=max(column, len(names[name]) + 2))
    return page.text()


def _line(graph: Graph, name: str) -> list[tuple[str, str]]:
    step = graph["steps"][name]
    kind = step.get("kind")
    targets = [escape_controls(target) + _case_mark(step, target) for target in _next(graph, name)]
    arrow = "=>" if kind == "foreach" else "->"
    parts = [(f"{arrow} {', '.join(targets)}", "")] if targets else []
    mark = {
        "split": "split",
        "switch": f"switch on {escape_controls(str(step.get('condition') or '?'))}",
        "foreach": f"for each of {escape_controls(str(step.get('foreach_over') or '?'))}",
        "join": f"joins {escape_controls(str(step.get('joins') or 'its branches'))}",
    }.get(str(kind))
    if mark:
        parts.append((f"{'  ' if parts else ''}({mark})", "dim"))
    return parts


def _case_mark(step: Mapping[str, Any], target: str) -> str:
    cases = _cases(step, target)
    return f" [{escape_controls(cases)}]" if cases else ""
