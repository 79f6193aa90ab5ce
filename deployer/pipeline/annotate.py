"""A plan with what explains it: where each new value was written, and what each change does to runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from deployer.commands.planning import PlanContext
from deployer.models.desired import Desired
from deployer.models.plan import Change, Reason
from deployer.orchestrators.airflow.effects import effects
from deployer.pipeline.origins import origin


def explained(planned: PlanContext, now: datetime) -> PlanContext:
    """The same plan, explained; `now` is an aware time. What is added makes no plan differ from another."""
    root = planned.folder.resolve().parent
    changes = tuple(_traced(planned, change, root) for change in planned.plan.changes)
    return with_effects(replace(planned, plan=replace(planned.plan, changes=changes)), planned.deployed.since, now)


def with_effects(planned: PlanContext, since: Callable[[Change], datetime | None], now: datetime) -> PlanContext:
    """The same plan, with what each change does to runs. `since` says when a change's DAG was first applied."""
    found = planned.plan.changes
    changes = (replace(each, effects=effects(each, since(each), now)) if each.writes else each for each in found)
    return replace(planned, plan=replace(planned.plan, changes=tuple(changes)))


def _traced(planned: PlanContext, change: Change, root: Path) -> Change:
    if not change.writes:
        return change
    item = planned.item(change.environment, change.file)
    return replace(change, reasons=tuple(_with_origins(reason, item, root) for reason in change.reasons))


def _with_origins(reason: Reason, item: Desired, root: Path) -> Reason:
    fields = (replace(each, origin=_origin(each.after, each.field, item, root)) for each in reason.fields)
    return replace(reason, fields=tuple(fields))


def _origin(after: object, field: str, item: Desired, root: Path) -> str:
    """Where a value was written. What is gone was written nowhere, but for `schedule: none`."""
    return "" if after is None and field != "schedule.cron" else origin(item, field, root)
