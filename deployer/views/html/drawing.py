"""The graph of a flow as a drawing, or the graphs before and after a change in one drawing.

What is drawn is decided here; where each step goes is computed by dagre when the page is opened, and drawn as SVG by
`assets/drawing.js`. Each drawing comes with a table of its steps, which says the same: for screen readers, and for who
reads the page without scripts.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from markupsafe import Markup

from deployer.description.graph_sentences import renamed_steps
from deployer.models.description import GraphDescription
from deployer.models.visible import escape_controls
from deployer.views.graph import Graph, GraphStep, ordered_steps
from deployer.views.html.page import templates
from deployer.views.words import count

State = Literal["same", "added", "removed", "renamed", "changed"]
_STATES: tuple[State, ...] = ("added", "removed", "renamed", "changed")
# What decides what a step is, beside what follows it: that is shown by arrows.
_OWN = ("kind", "foreach_over", "joins", "condition", "cases")
_NODE_KINDS = {"foreach": "foreach", "parallel": "foreach", "switch": "switch", "split": "split", "join": "join"}


@dataclass(frozen=True)
class DrawnStep:
    """A step as it is shown. `note` is what it does to the branches, `former` its old name, `remark` what changed.

    `inside` is the number of the foreach whose items it runs for, of several the innermost; None for none.
    """

    name: str
    kind: str
    state: State
    note: str
    former: str
    remark: str
    follows: Sequence[DrawnEdge]
    inside: int | None = None


@dataclass(frozen=True)
class DrawnEdge:
    """An arrow to a step, by its number. `label` has the cases of a switch; `loops` is true for a foreach."""

    source: int
    target: int
    to: str
    label: str
    state: Literal["same", "added", "removed"]
    loops: bool


def draw(graph: Graph, *, title: str) -> Markup:
    """The graph of one flow (`GraphDescription` as JSON); `title` names it, also for a screen reader."""
    return figure(drawn_steps(None, graph), title)


def draw_change(
    before: Graph | None, after: Graph | None, *, title: str, touched: Mapping[str, str] | None = None
) -> Markup:
    """The graphs before and after a change (`GraphDescription` as JSON) in one drawing, with the difference marked.

    Where there is only one of them nothing is marked: all of it is new, or goes. `touched` maps steps that are in both
    to what else changed in them, such as ``memory, retries``.
    """
    return figure(drawn_steps(before, after, touched or {}), title)


def drawn_steps(before: Graph | None, after: Graph | None, touched: Mapping[str, str] | None = None) -> list[DrawnStep]:
    """The steps of both graphs, those of `after` from start to end and then those that are gone, with their arrows."""
    if before is None or after is None:
        graph = after or before
        return [] if graph is None else _single(graph)
    before, after = _reached(before), _reached(after)
    renamed = renamed_steps(GraphDescription.model_validate(before), GraphDescription.model_validate(after))
    return _Merged(before, after, renamed, touched or {}).steps()


def _reached(graph: Graph) -> Graph:
    """The graph without the steps that no arrow leads to."""
    return {**graph, "steps": {name: graph["steps"][name] for name in ordered_steps(graph)}}


def _single(graph: Graph) -> list[DrawnStep]:
    graph = _reached(graph)
    return _Merged(graph, graph, {}, {}).steps()


class _Merged:
    """Two graphs as one."""

    def __init__(self, before: Graph, after: Graph, renamed: Mapping[str, str], touched: Mapping[str, str]) -> None:
        self.before, self.after, self.touched = before["steps"], after["steps"], touched
        self.new_names = {
            name: renamed.get(name, name) for name in self.before if name in renamed or name in self.after
        }
        self.former = {new: old for old, new in self.new_names.items()}
        kept = ordered_steps(after)
        gone = [name for name in ordered_steps(before) if name not in self.new_names]
        # A step that is gone may have the name that another one has now: both are told apart by their sides.
        self.keys = [("after", name) for name in kept] + [("before", name) for name in gone]
        self.numbers = {key: number for number, key in enumerate(self.keys)}
        around = {"after": _foreaches(after), "before": _foreaches(before)}
        self.inside = {(side, name): around[side].get(name) for side, name in self.keys}

    def steps(self) -> list[DrawnStep]:
        """All of them, in order."""
        return [
            replace(self._after(name) if side == "after" else self._before(name), inside=self._inside(side, name))
            for side, name in self.keys
        ]

    def _inside(self, side: str, name: str) -> int | None:
        around = self.inside[side, name]
        return None if around is None else self.numbers[("after", around) if side == "after" else self._key(around)]

    def _after(self, name: str) -> DrawnStep:
        step, old_name = self.after[name], self.former.get(name)
        follows = [self._edge(("after", name), ("after", to), step, self._is_new(name, to)) for to in step["next"]]
        if old_name is None:
            return DrawnStep(name, _kind(step), "added", _note(step), "", "", follows)
        old = self.before[old_name]
        follows += [
            self._edge(("after", name), self._key(to), old, "removed", to)
            for to in old["next"]
            if self._key(to) not in [("after", new) for new in step["next"]]
        ]
        changed = _own(self._with_new_names(old)) != _own(step)
        remarks = [f"before: {_note(old) or _plain(old)}"] if changed else []
        remarks += [self.touched[name]] if name in self.touched else []
        state: State = "renamed" if old_name != name else "changed" if remarks else "same"
        former = old_name if old_name != name else ""
        return DrawnStep(name, _kind(step), state, _note(step), former, "; ".join(remarks), follows)

    def _before(self, name: str) -> DrawnStep:
        step = self.before[name]
        follows = [self._edge(("before", name), self._key(to), step, "removed", to) for to in step["next"]]
        return DrawnStep(name, _kind(step), "removed", _note(step), "", "", follows)

    def _key(self, old_name: str) -> tuple[str, str]:
        new = self.new_names.get(old_name)
        return ("before", old_name) if new is None else ("after", new)

    def _is_new(self, name: str, to: str) -> Literal["same", "added"]:
        old, old_target = self.former.get(name), self.former.get(to)
        return "same" if old is not None and old_target in self.before[old]["next"] else "added"

    def _edge(
        self,
        source: tuple[str, str],
        target: tuple[str, str],
        step: GraphStep,
        state: Literal["same", "added", "removed"],
        named: str = "",
    ) -> DrawnEdge:
        label = _edge_label(step, named or target[1])
        return DrawnEdge(self.numbers[source], self.numbers[target], target[1], label, state, _kind(step) == "foreach")

    def _with_new_names(self, step: GraphStep) -> dict[str, Any]:
        names = self.new_names
        joins = step.get("joins")
        return {
            **step,
            "joins": names.get(joins, joins) if joins else joins,
            "cases": {case: names.get(to, to) for case, to in step.get("cases", {}).items()},
        }


def _foreaches(graph: Graph) -> dict[str, str | None]:
    """The innermost foreach around each step, whose items it runs for."""
    steps = graph["steps"]
    found: dict[str, tuple[str, ...]] = {}
    waiting: list[tuple[str, tuple[str, ...]]] = [(graph["start"], ())]
    while waiting:
        name, around = waiting.pop()
        if name not in found:
            around = around[:-1] if around and steps[name].get("joins") == around[-1] else around
            found[name] = around
            inside = (*around, name) if _kind(steps[name]) == "foreach" else around
            waiting += [(to, inside) for to in steps[name]["next"]]
    return {name: around[-1] if around else None for name, around in found.items()}


def _own(step: Mapping[str, Any]) -> list[Any]:
    # A case that leads to another step is shown by its arrow, one with another value is not.
    return [step.get(key) or None for key in _OWN]


def _kind(step: GraphStep) -> str:
    return _NODE_KINDS.get(step["kind"], "linear")


def _note(step: GraphStep) -> str:
    """What a step does to the branches of its flow, in a few words; empty for most steps."""
    match str(step["kind"]):
        case "foreach":
            return f"for each of {step.get('foreach_over') or 'its items'}"
        case "parallel":
            return "num_parallel: all nodes in one task"
        case "switch":
            return f"switch on {step.get('condition') or 'a value'}"
        case "join":
            return f"joins {step['joins']}" if step.get("joins") else "joins its branches"
        case "linear" | "end":
            return ""
        case other:
            return other


def _plain(step: GraphStep) -> str:
    return "the last step" if step["kind"] == "end" else "a step with one next step"


def _edge_label(step: GraphStep, to: str) -> str:
    return ", ".join(case for case, name in step.get("cases", {}).items() if name == to)


def difference(steps: Sequence[DrawnStep]) -> str:
    """``1 step added, 2 steps changed``; empty if nothing is marked."""
    parts = ((state, sum(step.state == state for step in steps)) for state in _STATES)
    return ", ".join(f"{count(number, 'step')} {state}" for state, number in parts if number)


def figure(steps: Sequence[DrawnStep], title: str, *, noun: str = "step", leads: str = "leads to") -> Markup:
    """What `drawn_steps` gave, or any other graph, as a drawing with its table.

    `title` names it, also for a screen reader,
    `noun` says what a node is, and `leads` what an arrow means.
    """
    macros: Any = templates().get_template("drawing.html").module
    summary = ". ".join(filter(None, [count(len(steps), noun), difference(steps)]))
    data = _data(steps, title, summary)
    found: Markup = macros.figure(steps, title, summary, data, _states_in(steps), noun, leads)
    return found


def _states_in(steps: Sequence[DrawnStep]) -> Collection[State]:
    return [state for state in _STATES if any(step.state == state for step in steps)]


def _data(steps: Sequence[DrawnStep], title: str, summary: str) -> str:
    """What the script draws, as JSON of ASCII characters: each text is shown as it is here, and nothing is markup."""
    nodes = [
        [*map(escape_controls, (step.name, step.note, step.former)), step.kind, step.state, step.inside]
        for step in steps
    ]
    return json.dumps(
        {
            "title": escape_controls(title),
            "summary": f"{summary}. The table below has the same.",
            "nodes": nodes,
            "edges": list(_edges(steps)),
        },
        separators=(",", ":"),
    )


def _edges(steps: Sequence[DrawnStep]) -> Iterator[list[Any]]:
    for step in steps:
        for edge in step.follows:
            yield [edge.source, edge.target, escape_controls(edge.label), edge.state, int(edge.loops)]
