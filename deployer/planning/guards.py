"""What an apply refuses to do unless it is allowed by name."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from deployer.errors import Diagnostic, Severity, nearest
from deployer.models.deployment import Environment
from deployer.models.desired import EnvironmentState
from deployer.models.plan import Change, Plan


@dataclass(frozen=True)
class Permissions:
    """What the user allows by name: deletes of protected addresses, deleting much of an environment at once, and a
    branch that the environment does not name."""

    delete: tuple[str, ...] = ()
    mass_change: bool = False
    branch: bool = False


@dataclass(frozen=True)
class Surroundings:
    """What guards look at beside the plan.

    `branch` is the git branch that is checked out (None: not known), `taken` gives by environment the file that defines
    a name already, by name. Both need to be known only where `needs_branch` and `created_in` ask for them.
    """

    branch: str | None = None
    taken: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def needs_branch(plan: Plan, environments: Mapping[str, Environment]) -> bool:
    """Whether the plan changes an environment that is applied from some branches only."""
    return any(True for _ in _guarded(plan, environments))


def created_in(plan: Plan, environment: str) -> bool:
    """Whether the plan creates anything in an environment, whose name another file may define already."""
    return any(change.action == "create" and change.environment == environment for change in plan.pending)


def refusals(
    plan: Plan,
    environments: Mapping[str, Environment],
    states: Sequence[EnvironmentState],
    surroundings: Surroundings,
    permissions: Permissions,
) -> list[Diagnostic]:
    """Why a plan may not be applied: conflicts, protected or mass deletes, names that are taken, another branch."""
    return [
        *_conflicts(plan.pending),
        *_protected(environments, plan.pending, permissions.delete),
        *_taken_names(plan, surroundings.taken),
        *(() if permissions.branch else other_branch(plan, environments, surroundings.branch)),
        *(() if permissions.mass_change else _mass_deletes(states, plan.pending)),
    ]


def warnings(
    plan: Plan,
    environments: Mapping[str, Environment],
    states: Sequence[EnvironmentState],
    surroundings: Surroundings,
) -> list[Diagnostic]:
    """What an apply would refuse that the plan itself does not show: who reviews it may not be who applies it."""
    found = [
        *_protected(environments, plan.pending, ()),
        *_mass_deletes(states, plan.pending),
        *_taken_names(plan, surroundings.taken),
        *other_branch(plan, environments, surroundings.branch),
    ]
    return [replace(each, severity=Severity.WARNING) for each in found]


def other_branch(plan: Plan, environments: Mapping[str, Environment], branch: str | None) -> Iterator[Diagnostic]:
    """Environments with changes that may not be applied from the branch that is checked out."""
    for environment in _guarded(plan, environments):
        if branch is None or not any(fnmatchcase(branch, pattern) for pattern in environment.branches):
            here = f"this is {branch}" if branch else "no branch is checked out here"
            yield Diagnostic(
                "other-branch",
                f"{environment.name} is applied from {' or '.join(environment.branches)} only, and {here}",
                environment.location,
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
                f"{change.address}: {file} at the target defines the DAG {change.name!r} already",
                hint="give the flow a dag_id of its own, or remove that file",
            )


def _conflicts(pending: Collection[Change]) -> Iterator[Diagnostic]:
    for change in pending:
        if change.action == "conflict":
            other = "give the flow a dag_id of its own, move the file away, or leave the flow out with --exclude"
            for reason in change.reasons:
                hint = "; ".join(filter(None, [reason.hint, other]))
                yield Diagnostic("conflict", f"{change.address}: {reason.note}", hint=hint)


def _protected(
    environments: Mapping[str, Environment], pending: Collection[Change], allowed: Collection[str]
) -> Iterator[Diagnostic]:
    deletes = [change for change in pending if change.action == "delete"]
    for change in deletes:
        if environments[change.environment].protect and change.address not in allowed:
            yield Diagnostic(
                "protected",
                f"{change.address}: {change.environment} is protected, and an apply would delete {change.name}",
                hint=f"allow it with --allow-delete {change.address}",
            )
    for address in sorted(set(allowed) - {change.address for change in deletes}):
        yield Diagnostic(
            "unknown-address",
            f"--allow-delete {address}: the plan deletes nothing of that address",
            hint=nearest(address, [change.address for change in deletes]),
        )


def _mass_deletes(states: Sequence[EnvironmentState], pending: Collection[Change]) -> Iterator[Diagnostic]:
    for state in states:
        ours = [item for item in state.deployed if state.owns(item)]
        gone = [change for change in pending if change.action == "delete" and change.environment == state.environment]
        # One delete is never a mass; beyond that, a third of what is deployed is more than an edit would mean.
        if len(gone) > 1 and 3 * len(gone) > len(ours):
            yield Diagnostic(
                "mass-change",
                f"{state.environment}: an apply would delete {len(gone)} of {len(ours)} deployed DAGs",
                hint="if that is meant, allow it with --allow-mass-change",
            )
