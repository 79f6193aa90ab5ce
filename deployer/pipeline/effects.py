"""What each change of a plan does to runs, as the orchestrator of its environment says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from deployer.context import Context
from deployer.models.plan import Change
from deployer.plan_context import PlanContext


def with_effects(plan: PlanContext, since: Callable[[Change], datetime | None], context: Context) -> PlanContext:
    """The same plan, with what each change does to runs from now on. That makes no plan differ from another.

    `since` says when a change's deployment was first applied.
    """
    now = context.now()

    def shown(change: Change) -> Change:
        orchestrator = context.orchestrator(plan.environments[change.environment])
        return replace(change, effects=tuple(orchestrator.effects(change, since(change), now)))

    return plan.with_changes(shown(change) if change.writes else change for change in plan.plan.changes)
