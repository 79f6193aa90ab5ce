"""What Airflow has no words for: which steps a switch may leave out, and a foreach inside of a foreach."""

from __future__ import annotations

from collections.abc import Mapping

from deployer.models.flow import Flow, Step

# By the name of a switch: any of the steps that it must choose.
Ways = dict[str, set[str]]


def runs_if(flow: Flow) -> dict[str, dict[str, list[str]]]:
    """The steps that do not run always, and for each the switches of which one must choose one of the named steps.

    Within a foreach this is about one item: whether there are items at all is known from the mapping. A switch named
    here may be such a step itself.
    """
    found: dict[str, Ways] = {}
    for step in flow.steps:
        found[step.name] = _ways(flow, step, found)
    return {
        name: {switch: sorted(chosen) for switch, chosen in sorted(ways.items())}
        for name, ways in found.items()
        if ways
    }


def is_first_in_foreach(step: Step) -> bool:
    """Whether the step comes right after the foreach step that encloses it."""
    return bool(step.foreaches) and step.previous == step.foreaches[-1:]


def parts(flow: Flow) -> dict[str, int]:
    """The part of a foreach's body that each step inside of one is in, by step name.

    A foreach in a body divides it: what comes after its join is another part, since a mapped task group of Airflow
    cannot hold a second one.
    """
    found: dict[str, int] = {}
    for step in flow.steps:
        if not step.foreaches:
            continue
        same = [name for name in step.previous if flow.step(name).foreaches == step.foreaches]
        found[step.name] = max((found[name] for name in same), default=0)
        if step.joins and flow.step(step.joins).kind == "foreach":
            found[step.name] = found[step.joins] + 1
    return found


def _ways(flow: Flow, step: Step, found: Mapping[str, Ways]) -> Ways:
    if not step.previous or is_first_in_foreach(step):
        return {}
    if step.joins:
        return found[step.joins]
    ways: Ways = {}
    for name in step.previous:
        if flow.step(name).kind == "switch":
            _add(ways, {name: {step.name}})
        elif not found[name]:
            return {}
        else:
            _add(ways, found[name])
    return _without_complete(flow, ways, found)


def _add(ways: Ways, more: Ways) -> None:
    for switch, chosen in more.items():
        ways.setdefault(switch, set()).update(chosen)


def _without_complete(flow: Flow, ways: Ways, found: Mapping[str, Ways]) -> Ways:
    """A switch all of whose choices lead to the step says nothing: what leads to the switch does."""
    while complete := next((name for name in ways if ways[name] == set(flow.step(name).next)), None):
        del ways[complete]
        if not found[complete]:
            return {}
        _add(ways, found[complete])
    return ways
