from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from deployer.views.graph import Graph
from deployer.views.html.drawing import difference, draw, draw_change, drawn_steps
from tests.views import samples


def graph(**steps: Any) -> Graph:
    """Steps in the order of a line unless they say otherwise: a list of next steps, or all of a step's fields."""
    names = list(steps)
    nodes: dict[str, Any] = {
        name: given if isinstance(given, dict) else {"kind": "linear", "next": given} for name, given in steps.items()
    }
    return {"start": names[0], "end": names[-1], "steps": nodes}


BEFORE = graph(
    start=["load"],
    load=["fit"],
    fit={"kind": "foreach", "next": ["one"], "foreach_over": "folds"},
    one=["gather"],
    gather={"kind": "join", "next": ["old"], "joins": "fit"},
    old=["end"],
    end={"kind": "end", "next": []},
)
AFTER = graph(
    start=["read"],
    read=["fit"],
    fit={"kind": "foreach", "next": ["one"], "foreach_over": "shops"},
    one=["gather"],
    gather={"kind": "join", "next": ["choose"], "joins": "fit"},
    choose={
        "kind": "switch",
        "next": ["end", "alert"],
        "condition": "quality",
        "cases": {"good": "end", "bad": "alert"},
    },
    alert=["end"],
    end={"kind": "end", "next": []},
)


def test_each_step_has_what_became_of_it() -> None:
    steps = {step.name: step for step in drawn_steps(BEFORE, AFTER, {"one": "memory, retries"})}
    assert {name: step.state for name, step in steps.items()} == {
        "start": "same",
        "read": "renamed",
        "fit": "changed",
        "one": "changed",
        "gather": "same",
        "choose": "added",
        "alert": "added",
        "end": "same",
        "old": "removed",
    }
    assert steps["read"].former == "load"
    assert steps["fit"].remark == "before: for each of folds"
    assert steps["one"].remark == "memory, retries"
    assert difference(list(steps.values())) == "2 steps added, 1 step removed, 1 step renamed, 2 steps changed"


def test_arrows_of_both_graphs_are_in_the_drawing() -> None:
    steps = {step.name: step for step in drawn_steps(BEFORE, AFTER)}
    assert [(edge.to, edge.state) for edge in steps["gather"].follows] == [("choose", "added"), ("old", "removed")]
    assert [(edge.to, edge.state) for edge in steps["old"].follows] == [("end", "removed")]
    assert [(edge.to, edge.state) for edge in steps["start"].follows] == [("read", "same")]
    assert [(edge.to, edge.label) for edge in steps["choose"].follows] == [("end", "good"), ("alert", "bad")]
    assert [(edge.label, edge.loops) for edge in steps["fit"].follows] == [("", True)]


def test_of_a_new_flow_and_of_one_that_goes_nothing_is_marked() -> None:
    for one, other in ((None, AFTER), (AFTER, None), (AFTER, AFTER)):
        steps = drawn_steps(one, other)
        assert {step.state for step in steps} == {"same"}
        assert {edge.state for step in steps for edge in step.follows} == {"same"}
        assert difference(steps) == ""
    assert drawn_steps(None, None) == []


def test_a_new_step_may_have_the_name_of_one_that_went() -> None:
    before = graph(start=["a"], a=["b"], b=["end"], end={"kind": "end", "next": []})
    after = graph(start=["b"], b=["c"], c=["end"], end={"kind": "end", "next": []})
    steps = drawn_steps(before, after)
    assert len({edge.target for step in steps for edge in step.follows}) <= len(steps)
    assert [step.name for step in steps] == ["start", "b", "c", "end", "a"]


def test_the_page_gets_data_for_the_drawing_and_a_table_of_the_same() -> None:
    drawn = draw_change(BEFORE, AFTER, title="prod/train")
    found = re.search('data-graph="([^"]*)"', drawn)
    assert found
    data = json.loads(unescape(found[1]))
    assert data["title"] == "prod/train"
    assert data["nodes"][0] == ["start", "", "", "linear", "same", None]
    assert len(data["nodes"]) == 9
    assert [0, 1, "", "same", 0] in data["edges"]
    assert drawn.count('<th scope="row">') == 9
    assert "Steps as a table: 9 steps. 2 steps added, 1 step removed, 1 step renamed, 1 step changed" in drawn
    assert "<td>switch on quality</td>" in drawn
    assert "<del>old</del>" in drawn


def test_a_graph_alone_has_no_column_for_changes() -> None:
    drawn = draw(samples.GRAPH, title="train")  # type: ignore[arg-type]
    assert "legend" not in drawn
    assert ">change<" not in drawn
    assert "<td>for each of folds</td>" in drawn
    assert "end (good), alert (bad)" in drawn


def test_a_parallel_step_is_drawn_as_several() -> None:
    steps = drawn_steps(
        None,
        graph(
            start={"kind": "parallel", "next": ["train"]},
            train=["join"],
            join={"kind": "join", "next": ["end"], "joins": "start"},
            end={"kind": "end", "next": []},
        ),
    )
    assert (steps[0].kind, steps[0].note) == ("foreach", "num_parallel: all nodes in one task")
    assert steps[0].follows[0].loops


def test_a_step_knows_the_foreach_whose_items_it_runs_for() -> None:
    steps = drawn_steps(BEFORE, AFTER)
    inside = {step.name: step.inside if step.inside is None else steps[step.inside].name for step in steps}
    assert {name for name, around in inside.items() if around is not None} == {"one"}
    assert inside["one"] == "fit"
    nested = graph(
        start={"kind": "foreach", "next": ["outer"], "foreach_over": "a"},
        outer={"kind": "foreach", "next": ["inner"], "foreach_over": "b"},
        inner=["close"],
        close={"kind": "join", "next": ["again"], "joins": "outer"},
        again=["last"],
        last={"kind": "join", "next": ["end"], "joins": "start"},
        end={"kind": "end", "next": []},
    )
    assert [step.inside for step in drawn_steps(None, nested)] == [None, 0, 1, 0, 0, None, None]


def test_steps_that_went_with_their_foreach_are_in_its_region() -> None:
    before = graph(
        start={"kind": "foreach", "next": ["one"], "foreach_over": "a"},
        one=["two"],
        two=["close"],
        close={"kind": "join", "next": ["end"], "joins": "start"},
        end={"kind": "end", "next": []},
    )
    after = graph(start=["end"], end={"kind": "end", "next": []})
    steps = drawn_steps(before, after)
    assert {step.name: step.inside for step in steps if step.inside is not None} == {"one": 0, "two": 0}


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Any steps with arrows among them, loops and steps that nothing leads to included."""
    names = draw(st.lists(st.sampled_from("abcdefgh"), min_size=1, unique=True))
    kinds = st.sampled_from(["linear", "split", "foreach", "parallel", "switch", "join", "end"])
    each = st.fixed_dictionaries(
        {"kind": kinds, "next": st.lists(st.sampled_from(names), unique=True, max_size=3)},
        optional={"joins": st.sampled_from(names)},
    )
    steps: dict[str, Any] = {name: draw(each) for name in names}
    return {"start": names[0], "end": names[-1], "steps": steps}


@given(graphs(), graphs())
def test_any_two_graphs_can_be_drawn(before: Graph, after: Graph) -> None:
    steps = drawn_steps(before, after)
    assert {edge.target for step in steps for edge in step.follows} <= set(range(len(steps)))
    assert all(edge.source == number for number, step in enumerate(steps) for edge in step.follows)
    for step in steps:
        seen, around = set[int](), step.inside
        while around is not None:
            assert around not in seen
            seen.add(around)
            around = steps[around].inside
