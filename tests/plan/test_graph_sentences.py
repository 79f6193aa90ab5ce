"""A graph that changed is told in sentences, and no change of a graph is left unsaid."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import pytest

from deployer.description import explain
from deployer.description.graph_sentences import graph_sentences
from deployer.models.description import GraphDescription
from tests.views.samples import described


def graph(*steps: tuple[str, str] | tuple[str, str, dict[str, Any]], **more: Any) -> GraphDescription:
    """``("start", "fit evaluate")`` is a step with its next steps; the first step and the last one are those given."""
    found = {}
    for name, next_steps, *rest in steps:
        values: dict[str, Any] = {"kind": "linear" if next_steps else "end", "next": tuple(next_steps.split())}
        found[name] = values | (rest[0] if rest else {})  # type: ignore[operator]
    return GraphDescription.model_validate({"start": steps[0][0], "end": steps[-1][0], "steps": found, **more})


LINE = graph(("start", "fit"), ("fit", "end"), ("end", ""))
DIAMOND = graph(
    ("start", "a b", {"kind": "split"}),
    ("a", "join"),
    ("b", "join"),
    ("join", "end", {"kind": "join", "joins": "start"}),
    ("end", ""),
)
FOREACH = graph(
    ("start", "fit", {"kind": "foreach", "foreach_over": "folds"}),
    ("fit", "gather"),
    ("gather", "end", {"kind": "join", "joins": "start"}),
    ("end", ""),
)
SWITCH = graph(
    ("start", "good bad", {"kind": "switch", "condition": "quality", "cases": {"yes": "good", "no": "bad"}}),
    ("good", "end"),
    ("bad", "end"),
    ("end", ""),
)


@dataclass
class Case:
    before: GraphDescription
    after: GraphDescription
    expected: list[str] = field(default_factory=list)


CASES = {
    "nothing": Case(LINE, LINE),
    "renamed": Case(
        LINE,
        graph(("start", "train_model"), ("train_model", "end"), ("end", "")),
        ["step fit renamed train_model"],
    ),
    "a renamed chain": Case(
        graph(("start", "a"), ("a", "b"), ("b", "c"), ("c", "end"), ("end", "")),
        graph(("start", "x"), ("x", "y"), ("y", "z"), ("z", "end"), ("end", "")),
        ["step a renamed x", "step b renamed y", "step c renamed z"],
    ),
    "added": Case(
        LINE,
        graph(("start", "fit"), ("fit", "check"), ("check", "end"), ("end", "")),
        ["step check added between fit and end"],
    ),
    "removed": Case(
        LINE,
        graph(("start", "end"), ("end", "")),
        ["step fit removed between start and end"],
    ),
    "a branch more": Case(
        DIAMOND,
        graph(
            ("start", "a b c", {"kind": "split"}),
            ("a", "join"),
            ("b", "join"),
            ("c", "join"),
            ("join", "end", {"kind": "join", "joins": "start"}),
            ("end", ""),
        ),
        ["step c added between start and join"],
    ),
    "a renamed split": Case(
        DIAMOND,
        graph(
            ("begin", "a b", {"kind": "split"}),
            ("a", "join"),
            ("b", "join"),
            ("join", "end", {"kind": "join", "joins": "begin"}),
            ("end", ""),
        ),
        ["step start renamed begin"],
    ),
    "a foreach": Case(
        graph(("start", "fit"), ("fit", "gather"), ("gather", "end"), ("end", "")),
        FOREACH,
        [
            "step start is now a foreach over folds, before: a step with one next step",
            "step gather is now a join, before: a step with one next step",
        ],
    ),
    "a parallel step": Case(
        FOREACH,
        graph(
            ("start", "fit", {"kind": "parallel"}),
            ("fit", "gather"),
            ("gather", "end", {"kind": "join", "joins": "start"}),
            ("end", ""),
        ),
        ["step start is now a step with num_parallel, before: a foreach over folds"],
    ),
    "a foreach over something else": Case(
        FOREACH,
        graph(
            ("start", "fit", {"kind": "foreach", "foreach_over": "rows"}),
            ("fit", "gather"),
            ("gather", "end", {"kind": "join", "joins": "start"}),
            ("end", ""),
        ),
        ["step start is now a foreach over rows, before: a foreach over folds"],
    ),
    "another way": Case(
        DIAMOND,
        graph(
            ("start", "b a", {"kind": "split"}),
            ("a", "join"),
            ("b", "join"),
            ("join", "end", {"kind": "join", "joins": "start"}),
            ("end", ""),
        ),
        ["step start now leads to b and a, before: a and b"],
    ),
    "another condition and other cases": Case(
        SWITCH,
        graph(
            ("start", "good bad", {"kind": "switch", "condition": "price", "cases": {"low": "good", "no": "bad"}}),
            ("good", "end"),
            ("bad", "end"),
            ("end", ""),
        ),
        [
            "the switch start now reads price, before: quality",
            "the cases of start are now low: good, no: bad, before: yes: good, no: bad",
        ],
    ),
    "two that could be either": Case(
        DIAMOND,
        graph(
            ("start", "x y", {"kind": "split"}),
            ("x", "join"),
            ("y", "join"),
            ("join", "end", {"kind": "join", "joins": "start"}),
            ("end", ""),
        ),
        [
            "step a removed between start and join",
            "step b removed between start and join",
            "step x added between start and join",
            "step y added between start and join",
        ],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_change_of_the_graph_is_told(name: str) -> None:
    case = CASES[name]
    assert graph_sentences(case.before, case.after) == case.expected


def test_the_reason_holds_the_sentences_beside_the_fields() -> None:
    old, new = (described(each.model_dump(exclude_unset=True)) for each in (LINE, CASES["added"].after))
    (reason,) = explain(old, new)
    assert (reason.word, reason.sentences) == ("graph", ("step check added between fit and end",))
    assert {field.field for field in reason.fields} == {"graph.steps.check", "graph.steps.fit.next"}


def changed(rng: random.Random, before: GraphDescription) -> GraphDescription:
    """The graph with a field or two of it changed, whether Metaflow would take it or not."""
    data = before.model_dump()
    names = list(data["steps"])
    for _ in range(rng.randint(1, 3)):
        step = data["steps"][rng.choice(names)]
        change = rng.choice(("kind", "next", "foreach_over", "joins", "condition", "cases", "name", "new", "gone"))
        if change == "kind":
            step["kind"] = rng.choice(("linear", "split", "foreach", "switch", "join"))
        elif change == "next":
            step["next"] = rng.sample(names, rng.randint(0, 2))
        elif change in ("foreach_over", "condition"):
            step[change] = rng.choice(("rows", "folds", None))
        elif change == "joins":
            step["joins"] = rng.choice((*names, None))
        elif change == "cases":
            step["cases"] = {case: rng.choice(names) for case in rng.sample(("yes", "no", "maybe"), 2)}
        elif change == "new":
            data["steps"][f"new{rng.randint(0, 9)}"] = {"kind": "linear", "next": [rng.choice(names)]}
        elif change == "gone" and len(data["steps"]) > 2:
            data["steps"].pop(rng.choice(names), None)
            names = list(data["steps"])
            for other in data["steps"].values():
                other["next"] = [name for name in other["next"] if name in names]
        else:
            data[rng.choice(("start", "end"))] = rng.choice(names)
    for other in data["steps"].values():
        other["next"] = [name for name in other["next"] if name in data["steps"]]
    return GraphDescription.model_validate(data)


def test_no_change_of_a_graph_is_left_unsaid() -> None:
    for seed in range(3_000):
        rng = random.Random(seed)
        before = rng.choice((LINE, DIAMOND, FOREACH, SWITCH))
        after = changed(rng, before)
        assert bool(graph_sentences(before, after)) == (before != after), f"seed {seed}: {before} {after}"
