"""The difference between two graphs in sentences: steps that were renamed, added, removed, or changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from deployer.models.description import GraphDescription, StepNode

Steps = Mapping[str, StepNode]
_Ways = Mapping[str, set[tuple[str, ...]]]
_KINDS = {
    "linear": "a step with one next step",
    "split": "a split",
    "foreach": "a foreach",
    "parallel": "a step with num_parallel",
    "switch": "a switch",
    "join": "a join",
    "end": "the last step",
}


def graph_sentences(before: GraphDescription, after: GraphDescription) -> list[str]:
    """What changed from one graph to another, a sentence for each change; none if the graphs are equal.

    A description does not hold the code of a step. A step counts as renamed if exactly one removed and one added step
    are of the same kind and stand between the same steps.
    """
    renamed = _renamed(before.steps, after.steps)
    names = {name: renamed.get(name, name) for name in before.steps if name in renamed or name in after.steps}
    old = {new: _with_names(before.steps[name], names) for name, new in names.items()}
    removed = [name for name in before.steps if name not in names]
    added = [name for name in after.steps if name not in old]
    return [
        *(f"step {name} renamed {new}" for name, new in renamed.items()),
        *(_removed(before.steps, name) for name in removed),
        *(_added(after.steps, name) for name in added),
        *_changes(old, after.steps, _ways(before.steps, removed, names), _ways(after.steps, added)),
        *_ends(before, after, names),
    ]


def renamed_steps(before: GraphDescription, after: GraphDescription) -> dict[str, str]:
    """The new names of the steps that count as renamed, by their old ones; see `graph_sentences`."""
    return _renamed(before.steps, after.steps)


def _renamed(before: Steps, after: Steps) -> dict[str, str]:
    """The new names of steps by their old ones. Found from the known neighbours on, so that a chain is found too."""
    found: dict[str, str] = {}
    while True:
        names = {name: found.get(name, name) for name in before if name in found or name in after}
        gone = {name: _place(before, name, names) for name in before if name not in names}
        known = {new: new for new in names.values()}
        new = {name: _place(after, name, known) for name in after if name not in known}
        places = [*gone.values()], [*new.values()]
        pairs = {
            name: next(other for other, there in new.items() if there == place)
            for name, place in gone.items()
            if place is not None and [each.count(place) for each in places] == [1, 1]
        }
        if not pairs:
            return {name: found[name] for name in before if name in found}
        found |= pairs


def _place(steps: Steps, name: str, names: Mapping[str, str]) -> tuple[object, ...] | None:
    """What a step is, and the known steps around it; None if it has no known step around it."""
    step = _with_names(steps[name], names)
    previous = sorted(names.get(other, "") for other in _previous(steps, name))
    next_steps = [names.get(other, "") for other in steps[name].next]
    if not any((*previous, *next_steps)):
        return None
    return step.kind, step.foreach_over, step.condition, step.joins, tuple(previous), tuple(next_steps)


def _with_names(step: StepNode, names: Mapping[str, str]) -> StepNode:
    """The step with the new names of the steps that it names."""
    return step.model_copy(
        update={
            "next": tuple(names.get(name, name) for name in step.next),
            "joins": names.get(step.joins, step.joins) if step.joins else None,
            "cases": {case: names.get(name, name) for case, name in step.cases.items()},
        }
    )


def _previous(steps: Steps, name: str) -> list[str]:
    return [other for other, step in steps.items() if name in step.next]


def _removed(steps: Steps, name: str) -> str:
    return f"step {name} removed{_between(steps, name)}"


def _added(steps: Steps, name: str) -> str:
    step = steps[name]
    kind = "" if step.kind in ("linear", "join", "end") else f", {_kind(step)},"
    return f"step {name}{kind} added{_between(steps, name)}"


def _between(steps: Steps, name: str) -> str:
    """`` between train and join``; without the part that is not known."""
    before, after = _listed(_previous(steps, name)), _listed(steps[name].next)
    if before and after:
        return f" between {before} and {after}"
    return f" after {before}" if before else f" before {after}" if after else ""


def _kind(step: StepNode) -> str:
    return f"{_KINDS[step.kind]} over {step.foreach_over}" if step.foreach_over else _KINDS[step.kind]


def _changes(old: Steps, new: Steps, ways_before: _Ways, ways_after: _Ways) -> Iterator[str]:
    """What changed in the steps that are in both. A way that only leads over added or removed steps has not changed."""
    for name, before in old.items():
        after = new[name]
        if _kind(before) != _kind(after):
            yield f"step {name} is now {_kind(after)}, before: {_kind(before)}"
        if before.condition != after.condition:
            yield f"the switch {name} now reads {after.condition or 'nothing'}, before: {before.condition or 'nothing'}"
        if before.joins != after.joins and before.kind == after.kind:
            yield f"step {name} now joins {after.joins or 'nothing'}, before: {before.joins or 'nothing'}"
        if before.cases != after.cases:
            yield f"the cases of {name} are now {_cases(after)}, before: {_cases(before)}"
        elif not ways_before[name] & ways_after[name]:
            leads = _listed(after.next) or "nothing"
            yield f"step {name} now leads to {leads}, before: {_listed(before.next) or 'nothing'}"


def _cases(step: StepNode) -> str:
    return ", ".join(f"{case}: {name}" for case, name in step.cases.items()) or "none"


def _ways(steps: Steps, left_out: Sequence[str], names: Mapping[str, str] | None = None) -> _Ways:
    """Where each of the other steps leads, under its new name, without the steps that are left out.

    A step that is left out stood on the way to the steps after it, or was one more branch.
    """
    without = set(left_out)

    def reached(name: str, seen: frozenset[str] = frozenset()) -> Iterator[str]:
        for other in steps[name].next:
            if other not in without:
                yield (names or {}).get(other, other)
            elif other not in seen:
                yield from reached(other, seen | {other})

    def kept(name: str) -> tuple[str, ...]:
        return tuple((names or {}).get(other, other) for other in steps[name].next if other not in without)

    return {
        (names or {}).get(name, name): {tuple(dict.fromkeys(reached(name))), kept(name)}
        for name in steps
        if name not in without
    }


def _ends(before: GraphDescription, after: GraphDescription, names: Mapping[str, str]) -> Iterator[str]:
    for which, old, new in (("first", before.start, after.start), ("last", before.end, after.end)):
        if names.get(old) != new:
            yield f"the {which} step is now {new}, before: {old}"


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)
