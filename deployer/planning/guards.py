"""What an apply refuses to do unless the user allows it explicitly."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Final

from deployer.errors import Diagnostic, Severity, nearest
from deployer.models.deployment import Environment
from deployer.models.desired import EnvironmentState
from deployer.models.plan import Change, Plan

_MOST_VIOLATIONS: Final = 20  # of which each has a line of its own


@dataclass(frozen=True)
class Permissions:
    """What the user allows: deletes of protected addresses, a mass delete, and a branch that is not configured."""

    delete: tuple[str, ...] = ()
    mass_change: bool = False
    branch: bool = False


@dataclass(frozen=True)
class GuardFacts:
    """The facts beside the plan that guards need.

    `branch` is the checked-out git branch; None if unknown. `taken` maps each environment to the names that are already
    defined there and the files that define them. They are read only if `needs_branch` and `creates_in` say so.
    `removed` are the addresses whose delete the manifests allow.
    """

    branch: str | None = None
    taken: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    removed: frozenset[str] = frozenset()


def needs_branch(plan: Plan, environments: Mapping[str, Environment]) -> bool:
    """Whether the plan changes an environment that may be applied only from certain branches."""
    return any(True for _ in _guarded(plan, environments))


def creates_in(plan: Plan, environment: str) -> bool:
    """Whether the plan creates anything in an environment: another file may already define the name."""
    return any(change.action == "create" and change.environment == environment for change in plan.pending)


def refusals(
    plan: Plan,
    environments: Mapping[str, Environment],
    states: Sequence[EnvironmentState],
    facts: GuardFacts,
    permissions: Permissions,
) -> list[Diagnostic]:
    """Why a plan may not be applied: conflicts, protected or mass deletes, names that are taken, another branch."""
    return [
        *_conflicts(plan.pending),
        *_violations(plan),
        *_protected(environments, plan, permissions.delete, facts.removed),
        *_taken_names(plan, facts.taken),
        *(() if permissions.branch else other_branch(plan, environments, facts.branch)),
        *(() if permissions.mass_change else _mass_deletes(plan, states)),
    ]


def warnings(
    plan: Plan,
    environments: Mapping[str, Environment],
    states: Sequence[EnvironmentState],
    facts: GuardFacts,
) -> list[Diagnostic]:
    """What an apply would refuse, as warnings: the reviewer of a plan may not be the person who applies it."""
    found = [
        *_protected(environments, plan, (), facts.removed),
        *_mass_deletes(plan, states),
        *_taken_names(plan, facts.taken),
        *other_branch(plan, environments, facts.branch),
    ]
    return [replace(problem, severity=Severity.WARNING) for problem in found]


def other_branch(plan: Plan, environments: Mapping[str, Environment], branch: str | None) -> Iterator[Diagnostic]:
    """Environments with changes that may not be applied from the checked-out branch."""
    for environment in _guarded(plan, environments):
        if branch is None or not any(fnmatchcase(branch, pattern) for pattern in environment.branches):
            current = f"the current branch is {branch}" if branch else "no branch is checked out"
            yield Diagnostic(
                "other-branch",
                f"{environment.name} can be applied only from {' or '.join(environment.branches)}, but {current}",
                environment.source("branches"),
                f"environments.{environment.name}.branches",
                hint="merge first, or allow it once with --allow-branch",
            )


def _guarded(plan: Plan, environments: Mapping[str, Environment]) -> Iterator[Environment]:
    for name in sorted({change.environment for change in plan.pending}):
        if environments[name].branches:
            yield environments[name]


def _taken_names(plan: Plan, taken: Mapping[str, Mapping[str, str]]) -> Iterator[Diagnostic]:
    for change in sorted(plan.pending, key=lambda change: (change.environment, change.name)):
        file = taken.get(change.environment, {}).get(change.name)
        if change.action == "create" and file is not None:
            yield Diagnostic(
                "duplicate-dag-id",
                f"{change.address}: {file} at the target already defines the DAG {change.name!r}",
                hint="set another dag_id for the flow, or remove that file",
            )


def _conflicts(pending: Collection[Change]) -> Iterator[Diagnostic]:
    for change in pending:
        if change.action == "conflict":
            other = "set another dag_id for the flow, move the file away, or exclude the flow with --exclude"
            for reason in change.reasons:
                hint = "; ".join(filter(None, [reason.hint, other]))
                yield Diagnostic("conflict", f"{change.address}: {reason.note}", hint=hint)


def _violations(plan: Plan) -> Iterator[Diagnostic]:
    """Violations of what the plan would change: a part of a saved plan may be left out of an apply."""
    pending = {change.address for change in plan.pending}
    found = [each for each in plan.blocking if each.address in pending]
    for each in found[:_MOST_VIOLATIONS]:
        what = f"the policy {each.policy} could not be evaluated" if each.failed else f"violates {each.policy}"
        yield Diagnostic("policy", f"{each.address}: {what}: {each.message}", each.location, hint=each.hint)
    if len(found) > _MOST_VIOLATIONS:
        more = len(found) - _MOST_VIOLATIONS
        yield Diagnostic("policy", f"{more:,} more violations of policies", hint="the plan shows them")


def _protected(
    environments: Mapping[str, Environment], plan: Plan, allowed: Collection[str], removed: Collection[str]
) -> Iterator[Diagnostic]:
    deletes = [change for change in plan.pending if change.action == "delete"]
    planned = {change.address for change in plan.changes if change.action != "delete"}
    for change in deletes:
        has_left = any(reason.word == "removed" for reason in change.reasons) and change.address not in planned
        in_manifest = ", or below `removed:` in the manifest" if has_left and not plan.destroy else ""
        may_go = change.address in allowed or (has_left and change.address in removed)
        if environments[change.environment].protect and not may_go:
            yield Diagnostic(
                "protected",
                f"{change.address}: {change.environment} is protected, and an apply would delete {change.name}",
                hint=f"allow it with --allow-delete {change.address}{in_manifest}",
            )
    for address in sorted(set(allowed) - {change.address for change in deletes}):
        yield Diagnostic(
            "unknown-address",
            f"--allow-delete {address}: the plan does not delete this address",
            hint=nearest(address, [change.address for change in deletes]),
        )


def _mass_deletes(plan: Plan, states: Sequence[EnvironmentState]) -> Iterator[Diagnostic]:
    for state in states:
        if plan.destroy and state.branch.is_preview:
            continue  # a preview is made to be destroyed as a whole
        ours = [item for item in state.deployed if state.owns(item)]
        gone = [
            change for change in plan.pending if change.action == "delete" and change.environment == state.environment
        ]
        # One delete is always allowed. Deletes of more than a third of the DAGs are more likely a mistake than an edit.
        if len(gone) > 1 and 3 * len(gone) > len(ours):
            yield Diagnostic(
                "mass-change",
                f"{state.environment}: an apply would delete {len(gone)} of {len(ours)} deployed DAGs",
                hint="if this is intended, allow it with --allow-mass-change",
            )
