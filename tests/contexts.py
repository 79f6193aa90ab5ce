"""The context that commands are run with in tests: that of this process, with what a test says otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from deployer.cli.context import make_context
from deployer.commands.plan import collect_guard_facts
from deployer.context import Context
from deployer.errors import DeployError, Diagnostic
from deployer.models.deployment import Environment
from deployer.models.target import Target
from deployer.plan_context import PlanContext
from deployer.planning import guards
from deployer.planning.guards import Permissions


def context(**other: Any) -> Context:
    """The context of this process; `other` are fields of it that a test says itself."""
    return replace(make_context(), **other)


def open_target(environment: Environment) -> Target:
    """The target of an environment, as a command opens it."""
    return context().target(environment)


def guard_warnings(plan: PlanContext) -> list[Diagnostic]:
    """What a plan warns of, of what its apply would refuse."""
    return guards.warnings(plan.plan, plan.environments, plan.deployed.states, collect_guard_facts(plan, context()))


def refuse_unguarded(plan: PlanContext, permissions: Permissions) -> None:
    """Raise DeployError for what an apply of a plan would refuse."""
    facts = collect_guard_facts(plan, context())
    problems = guards.refusals(plan.plan, plan.environments, plan.deployed.states, facts, permissions)
    if problems:
        raise DeployError(problems)
