"""A flow class: its graph, steps, and what its decorators ask for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from metaflow import flowspec


def graph_of(flow: Any) -> Any:
    """The graph of a flow class."""
    return flow._graph


def steps_of(flow: Any) -> list[Any]:
    """The step functions of a flow class."""
    return list(flow._steps)


def start_step(graph: Any) -> str:
    """The name of the first step, which is one of the user's choice in newer versions only."""
    return getattr(graph, "start_step", "start")


def end_step(graph: Any) -> str:
    """The name of the last step."""
    return getattr(graph, "end_step", "end")


def switch_of(node: Any) -> tuple[str | None, dict[str, str]]:
    """What a step's choice depends on, and the steps by its value. Before 2.18 there were no switches."""
    cases = getattr(node, "switch_cases", None) or {}
    return getattr(node, "condition", None), {str(case): name for case, name in cases.items()}


def flow_decorators(flow: Any) -> Mapping[str, list[Any]]:
    """The decorators of a flow or flow class, by name."""
    items = getattr(flowspec, "FlowStateItems", None)
    # Since 2.19.10 they are part of the flow's state, and no attribute of the class.
    return flow._flow_decorators if items is None else flow._flow_state[items.FLOW_DECORATORS]  # type: ignore[no-any-return]


def flow_options(flow: Any) -> dict[str, Any]:
    """The command-line options that the decorators of a flow ask tasks to be given."""
    found: dict[str, Any] = {}
    for of_name in flow_decorators(flow).values():
        for decorator in of_name:
            found.update(decorator.get_top_level_options())
    return found
