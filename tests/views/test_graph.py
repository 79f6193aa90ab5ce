"""The picture and the lines of a graph that the samples do not have."""

from __future__ import annotations

from deployer.views.graph import Graph, graph_to_mermaid, graph_to_text

PARALLEL: Graph = {
    "start": "start",
    "end": "end",
    "steps": {
        "start": {"kind": "parallel", "next": ["train"]},
        "train": {"kind": "linear", "next": ["join"]},
        "join": {"kind": "join", "next": ["end"], "joins": "start"},
        "end": {"kind": "end", "next": []},
    },
}


def test_a_parallel_step_says_that_it_is_one_task() -> None:
    assert graph_to_text(PARALLEL).splitlines() == [
        "start    => train  (num_parallel: all nodes in one task)",
        "  train  -> join",
        "join     -> end  (joins start)",
        "end",
    ]
    assert '    s0 ==>|"num_parallel"| s1\n' in graph_to_mermaid(PARALLEL)
