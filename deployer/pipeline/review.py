"""Adds to each change of a plan what its reviewer must see: the values of what is new, and marks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from deployer.context import Context
from deployer.description.marks import images_of, marks
from deployer.description.values import Written, values_of, values_of_steps
from deployer.models.description import Description
from deployer.models.desired import Desired
from deployer.models.plan import Change, Value
from deployer.pipeline.origins import origin
from deployer.plan_context import PlanContext


def with_review(plan_context: PlanContext, context: Context) -> PlanContext:
    """The same plan with values and marks. They do not count when plans are compared."""
    users = _users(plan_context)
    root = plan_context.folder.resolve().parent

    def shown(change: Change) -> Change:
        orchestrator = context.orchestrator(plan_context.environments[change.environment])
        return replace(
            change,
            values=tuple(_values(change, _item(plan_context, change), root)),
            marks=tuple(marks(change, users, orchestrator.minutes_between_runs)),
        )

    return plan_context.with_changes(shown(change) if change.writes else change for change in plan_context.plan.changes)


def _item(plan_context: PlanContext, change: Change) -> Desired | None:
    """What the manifests say of a change; None for a rollback, which restores files."""
    try:
        return plan_context.item(change.environment, change.file)
    except KeyError:
        return None


def _values(change: Change, item: Desired | None, root: Path) -> Sequence[Value]:
    """The values of what was not described before: a deployment, or the steps that an update adds."""
    after = change.after
    if after is None:
        return ()
    if isinstance(change.before, Description):
        added = after.graph.steps.keys() - change.before.graph.steps.keys()
        found = values_of_steps(after, added) if added else []
    else:
        found = values_of(after, _written(item) if item else None)
    return [replace(value, origin=origin(item, value.field, root)) for value in found] if item else found


def _written(item: Desired) -> Written:
    deployment = item.deployment
    configs = {*deployment.config_values, *deployment.config_files}
    return Written(deployment.parameters, configs, deployment.environment.project)


def _users(plan_context: PlanContext) -> Mapping[str, set[str]]:
    """The names of the flows that use each image, deployed or planned. A flow has one name in all environments."""
    found: dict[str, set[str]] = {}
    for address, description in _descriptions(plan_context):
        for image in images_of(description):
            found.setdefault(image, set()).add(address.rpartition("/")[2])
    return found


def _descriptions(plan_context: PlanContext) -> Iterable[tuple[str, Description]]:
    yield from ((item.deployment.address, item.description) for item in plan_context.desired.items)
    yield from _deployed(plan_context)


def _deployed(plan_context: PlanContext) -> Iterator[tuple[str, Description]]:
    for state in plan_context.deployed.states:
        for item in state.deployed:
            if item.record:
                yield item.record.address, item.record.description
