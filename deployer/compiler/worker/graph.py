"""The graph of a flow as JSON values."""

from __future__ import annotations

from typing import Any

from ..protocol import NodeData, StepKind
from .metaflow_compat import switch_of

_KINDS: dict[str, StepKind] = {"start": "linear", "split-switch": "switch"}


def describe_node(graph: Any, node: Any) -> NodeData:
    """A step's position in the graph: kind, neighbours, the splits that enclose it and the one that it joins."""
    order = {name: index for index, name in enumerate(graph.sorted_nodes)}
    condition, cases = switch_of(node)
    is_join = node.type == "join"
    enclosing = node.split_parents[:-1] if is_join else node.split_parents
    return {
        "name": node.name,
        "kind": _kind(node),
        "line": node.func_lineno,
        "next": list(dict.fromkeys(node.out_funcs)),
        "previous": sorted(node.in_funcs, key=lambda name: order[name]),
        "foreaches": [name for name in enclosing if _kind(graph[name]) == "foreach"],
        "foreach_over": node.foreach_param if _kind(node) == "foreach" else None,
        "joins": node.split_parents[-1] if is_join and node.split_parents else None,
        "condition": condition,
        "cases": cases,
        "parallel": bool(node.parallel_step),
    }


def _kind(node: Any) -> StepKind:
    """To Metaflow, a step with ``num_parallel`` is a foreach over an unknown number of items."""
    return "parallel" if node.parallel_foreach else _KINDS.get(node.type, node.type)
