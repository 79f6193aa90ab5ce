"""A flow of 200 steps: splits, foreaches and switches in each other; and a plan of 300 changes."""

from __future__ import annotations

from deployer.models.plan import FieldChange, Plan, Reason
from deployer.views.graph import Graph, GraphStep
from tests.views import samples

STEPS = 200


def nested_flow(steps: int = STEPS) -> Graph:
    """As many steps: a chain of blocks, each a foreach of a split, one of whose branches is a switch."""
    nodes: dict[str, GraphStep] = {}
    last = "start"
    nodes[last] = {"kind": "linear", "next": []}
    while len(nodes) + 11 < steps:
        last = _block(nodes, last, len(nodes))
    while len(nodes) + 1 < steps:
        name = f"then_{len(nodes)}"
        nodes[last]["next"], nodes[name], last = [name], {"kind": "linear", "next": []}, name
    nodes[last]["next"], nodes["end"] = ["end"], {"kind": "end", "next": []}
    return {"start": "start", "end": "end", "steps": nodes}


def _block(nodes: dict[str, GraphStep], last: str, number: int) -> str:
    each, split, choose, gather, joined = (
        f"{name}_{number}" for name in ("each", "split", "choose", "gather", "joined")
    )
    branches = [f"load_{letter}_{number}" for letter in "abc"]
    cases = {case: f"{case}_{number}" for case in ("fast", "exact")}
    nodes[last]["next"] = [each]
    nodes[each] = {"kind": "foreach", "next": [split], "foreach_over": "regions"}
    nodes[split] = {"kind": "split", "next": [*branches, choose]}
    nodes |= {name: {"kind": "linear", "next": [gather]} for name in branches}
    nodes[choose] = {"kind": "switch", "next": list(cases.values()), "condition": "mode", "cases": cases}
    nodes |= {name: {"kind": "linear", "next": [gather]} for name in cases.values()}
    nodes[gather] = {"kind": "join", "next": [joined], "joins": split}
    nodes[joined] = {"kind": "join", "next": [], "joins": each}
    return joined


def large_plan() -> Plan:
    """One change of a flow of 200 steps that has grown from 180."""
    before, after = (samples.described(nested_flow(steps)) for steps in (STEPS - 20, STEPS))
    return Plan((samples.change("large", "update", Reason("graph"), before=before, after=after),), samples.TARGETS)


def long_plan(number: int = 300) -> Plan:
    """So many changes of all kinds, in two environments."""
    fields = (FieldChange("retries.fit.times", 1, 3, "deployments/a.yaml:12"),)
    changes = [
        samples.change(f"flow_{n:03}", "update", Reason("retries", fields), environment="prod" if n % 2 else "staging")
        for n in range(number - 20)
    ]
    changes += [samples.change(f"new_{n:02}", "create", Reason("new")) for n in range(10)]
    changes += [samples.change(f"old_{n:02}", "delete", Reason("removed")) for n in range(10)]
    return Plan(tuple(sorted(changes, key=lambda change: change.address)), samples.TARGETS)
