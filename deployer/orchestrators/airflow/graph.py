"""Graph rules that Airflow does not have: the steps that a switch may skip, and a foreach inside of a foreach."""

from __future__ import annotations

from collections.abc import Mapping

from deployer.models.flow import Flow, Step

# For each switch (by name) the steps of which it must choose one.
Choices = dict[str, set[str]]


def runs_if(flow: Flow) -> dict[str, dict[str, list[str]]]:
    """The steps that a switch may skip. Such a step runs if one of its switches chooses one of the steps given for it.

    Within a foreach this applies to each item: Airflow's mapping handles an empty foreach. A switch in the result may
    be skipped by another one.
    """
    found: dict[str, Choices] = {}
    for step in flow.steps:
        found[step.name] = _choices(flow, step, found)
    return {
        name: {switch: sorted(chosen) for switch, chosen in sorted(choices.items())}
        for name, choices in found.items()
        if choices
    }


def is_first_in_foreach(step: Step) -> bool:
    """Whether the step directly follows the foreach step that encloses it."""
    return bool(step.foreaches) and step.previous == step.foreaches[-1:]


def parts(flow: Flow) -> dict[str, int]:
    """For each step inside a foreach, by name, the number of its part of the foreach's body.

    A nested foreach divides the body: the steps after its join are another part, because a mapped task group of Airflow
    cannot contain another one.
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


def _choices(flow: Flow, step: Step, found: Mapping[str, Choices]) -> Choices:
    if not step.previous or is_first_in_foreach(step):
        return {}
    if step.joins:
        return found[step.joins]
    choices: Choices = {}
    for name in step.previous:
        if flow.step(name).kind == "switch":
            _add(choices, {name: {step.name}})
        elif not found[name]:
            return {}
        else:
            _add(choices, found[name])
    return _replace_complete(flow, choices, found)


def _add(choices: Choices, more: Choices) -> None:
    for switch, chosen in more.items():
        choices.setdefault(switch, set()).update(chosen)


def _replace_complete(flow: Flow, choices: Choices, found: Mapping[str, Choices]) -> Choices:
    """Replace each switch whose every choice leads to the step by the choices that lead to that switch."""
    while complete := next((name for name in choices if choices[name] == set(flow.step(name).next)), None):
        del choices[complete]
        if not found[complete]:
            return {}
        _add(choices, found[complete])
    return choices
