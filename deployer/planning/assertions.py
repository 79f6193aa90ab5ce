"""What the caller of an apply says about a saved plan, whose file may come from somebody else.

Most of a plan file only narrows an apply: each change is planned again from the manifests and the target, and has to
give the same result. What would widen it (other environments, a rollback, a destroy, an adoption) has to be allowed by
the caller. docs/lifecycle.md lists every field of the format.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from deployer.errors import Diagnostic, nearest
from deployer.models.plan import Change, Plan


@dataclass(frozen=True)
class Assertions:
    """What the caller expects and allows.

    `environments` are those that the plan may be for; without any it may be for every environment. `adopt` are the
    addresses that it may take over.
    """

    environments: tuple[str, ...] = ()
    rollback: bool = False
    destroy: bool = False
    adopt: tuple[str, ...] = ()


def refusals(saved: Plan, caller: Assertions) -> Iterator[Diagnostic]:
    """Why a saved plan may not be applied, found before anything is read or compiled."""
    if saved.against is not None:
        message = f"a plan against a revision ({saved.against.revision}) cannot be applied"
        yield Diagnostic("bad-plan", message, hint="plan again without --against")
    if saved.broken:
        message = f"a plan of a part cannot be applied: {_listed([each.address for each in saved.broken])} was broken"
        yield Diagnostic("bad-plan", message, hint="mend what is broken and plan again without --keep-going")
    if saved.rollback and len(saved.targets) != 1:
        yield Diagnostic("bad-plan", "a plan of a rollback is for one environment, and this one names another number")
    yield from _environments(saved, caller.environments)
    if saved.rollback and not caller.rollback:
        message = f"the saved plan is a rollback to {saved.rollback}"
        yield Diagnostic("saved-rollback", message, hint="if this is intended, allow it with --allow-rollback")
    if saved.destroy and not caller.destroy:
        message = f"the saved plan destroys what is deployed in {_listed(saved.targets)}"
        yield Diagnostic("saved-destroy", message, hint="if this is intended, allow it with --allow-destroy")
    yield from _adoptions(saved, caller.adopt)


def other_policies(saved: Plan, digest: str) -> Iterator[Diagnostic]:
    """Why a plan may not be applied with the policies that this apply was given, `digest` being theirs.

    Whoever leaves `--policies` out must not get rid of them so. A plan that was made without any may be applied with
    some: they are evaluated anew.
    """
    if saved.policies and not digest:
        message = "the saved plan was made with policies of a platform, and this apply has none"
        yield Diagnostic("other-policies", message, hint="name their folder with --policies, or MFDEPLOY_POLICIES")
    elif saved.policies and saved.policies != digest:
        message = "the saved plan was made with other policies than those that this apply has"
        yield Diagnostic("other-policies", message, hint="plan again with these policies, and review the new plan")


def needed_options(plan: Plan) -> list[str]:
    """The options with which a saved plan can be applied."""
    options = ["--allow-rollback"] if plan.rollback else []
    options += ["--allow-destroy"] if plan.destroy else []
    return options + [word for address in adopted_addresses(plan) for word in ("--allow-adopt", address)]


def adopted_addresses(plan: Plan) -> list[str]:
    """The addresses that a plan takes over from somebody else, sorted."""
    return sorted({change.address for change in plan.pending if _adopts(change)})


def _adopts(change: Change) -> bool:
    return any(reason.word == "adopted" for reason in change.reasons)


def _environments(saved: Plan, expected: Collection[str]) -> Iterator[Diagnostic]:
    if not expected:
        return
    named = {*saved.targets, *(change.environment for change in saved.changes)}
    for name in sorted(named - set(expected)):
        message = f"the saved plan is for the environment {name!r}, and expected is {_listed(expected)}"
        hint = f"plan the expected environment, or expect this one too with --expect-env {name}"
        yield Diagnostic("unexpected-environment", message, hint=hint)
    if not named:
        yield Diagnostic("bad-plan", f"the saved plan names no environment, and expected is {_listed(expected)}")


def _adoptions(saved: Plan, allowed: Collection[str]) -> Iterator[Diagnostic]:
    adopted = adopted_addresses(saved)
    for address in adopted:
        if address not in allowed:
            message = f"{address}: the saved plan takes over a DAG that somebody else deployed"
            hint = f"if this is intended, allow it with --allow-adopt {address}"
            yield Diagnostic("saved-adoption", message, hint=hint)
    for address in sorted(set(allowed) - set(adopted)):
        message = f"--allow-adopt {address}: the saved plan does not take over this address"
        yield Diagnostic("unknown-address", message, hint=nearest(address, adopted))


def _listed(names: Collection[str]) -> str:
    return " and ".join(map(repr, sorted(names)))
