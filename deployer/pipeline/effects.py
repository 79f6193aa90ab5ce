"""Adds to each change of a plan its effects on runs, according to the orchestrator of its environment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from deployer.context import Context
from deployer.description import starts
from deployer.models.plan import Change
from deployer.pipeline.crowded import Crowd
from deployer.plan_context import PlanContext


def with_effects(
    plan_context: PlanContext,
    since: Callable[[Change], datetime | None],
    context: Context,
    ran: Mapping[str, datetime] | None = None,
) -> PlanContext:
    """The same plan with the effects of each change on runs. Effects do not count when plans are compared.

    `since` gives the time when the deployment of a change was first applied; `ran` are the times that deployments ran
    for last by address, as far as running orchestrators were asked.
    """
    now = context.now()
    last = ran or {}
    crowds = _crowds(plan_context, context, now)
    known = starts.links(plan_context.desired.items, plan_context.deployed.states, plan_context.plan.changes)

    def shown(change: Change) -> Change:
        orchestrator = context.orchestrator(plan_context.environments[change.environment])
        found = orchestrator.effects(change, since(change), now, last.get(change.address))
        crowded = crowds[change.environment].effects(change)
        return replace(change, effects=(*found, *crowded, *starts.effects(change, known)))

    return plan_context.with_changes(shown(change) if change.writes else change for change in plan_context.plan.changes)


def _crowds(plan_context: PlanContext, context: Context, now: datetime) -> Mapping[str, Crowd]:
    """What starts when in each environment. It is computed when it is asked for."""
    environments, changes = plan_context.environments, plan_context.plan.changes
    return {
        state.environment: Crowd(
            state,
            [change for change in changes if change.environment == state.environment],
            context.orchestrator(environments[state.environment]),
            now,
        )
        for state in plan_context.deployed.states
    }
