"""How a plan that is made now differs from the one that was reviewed.

Two plans are equal if they would change the same deployments in the same way, whoever made them, when, and from which
commit. What neither of them changes does not count.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from deployer.description import explain
from deployer.errors import Diagnostic
from deployer.models.description import DeployedDescription, Description
from deployer.models.plan import Change, Plan, Reason
from deployer.planning.staleness import are_same, by_key

# A change for these reasons overwrites what somebody else wrote, so the reviewed file has to be the one that is there.
_OVERWRITES = ("drifted", "adopted")


@dataclass(frozen=True)
class Difference:
    """A file that the two plans treat differently; a plan that says nothing about it has None.

    Where both make the same kind of change, `result` is how the planned descriptions differ, and `deployed` how the
    descriptions of what the plans found deployed do. Both are empty if it is the file itself that was changed.
    """

    address: str
    environment: str
    file: str
    reviewed: Change | None
    now: Change | None
    result: tuple[Reason, ...] = ()
    deployed: tuple[Reason, ...] = ()


def refusals(reviewed: Plan, now: Plan) -> Iterator[Diagnostic]:
    """Why a plan cannot be compared with the reviewed plan, whatever its changes are."""
    if reviewed.against is not None:
        message = (
            f"the reviewed plan is against a revision ({reviewed.against.revision}), which says nothing of an apply"
        )
        yield _refused(message, "review a plan that was made without --against")
    if reviewed.broken:
        addresses = ", ".join(each.address for each in reviewed.broken)
        message = f"the reviewed plan is of a part: {addresses} was broken"
        yield _refused(message, "review a plan that was made without --keep-going")
    if reviewed.rollback or reviewed.destroy:
        kind, option = ("rollback", "--allow-rollback") if reviewed.rollback else ("destroy", "--allow-destroy")
        message = f"the reviewed plan is one of {kind}, and not of the manifests"
        yield _refused(message, f"apply it as it is, without --reviewed and with {option}")
    before, after = (" and ".join(sorted(plan.targets)) or "no environment" for plan in (reviewed, now))
    if before != after:
        yield _refused(f"the reviewed plan is for {before}, and this apply for {after}", "name the same with --env")
    for name in sorted({change.environment for plan in (reviewed, now) for change in plan.pending}):
        targets = [plan.targets.get(name) for plan in (reviewed, now)]
        if before == after and targets[0] != targets[1]:
            message = f"{name}: the target is {targets[0]!r} in the reviewed plan, and is now {targets[1]!r}"
            yield _refused(message, "plan again and review the new plan")


def differences(reviewed: Plan, now: Plan) -> tuple[Difference, ...]:
    """What only one of the plans would change, or both in other ways; empty if the plans are equal."""
    before, after = by_key(reviewed), by_key(now)
    found = []
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if not _changes(old) and not _changes(new):
            continue
        if old is None or new is None or not are_same(_comparable(old), _comparable(new)):
            found.append(_difference(old, new))
    return tuple(found)


def _changes(change: Change | None) -> bool:
    return change is not None and change.action != "none"


def _comparable(change: Change) -> Change:
    """Without the version of the file at the target, which differs by who applied it and when."""
    if any(reason.word in _OVERWRITES for reason in change.reasons):
        return change
    return replace(change, version=None)


def _difference(old: Change | None, new: Change | None) -> Difference:
    one = new or old
    assert one is not None
    difference = Difference(one.address, one.environment, one.file, old, new)
    if old is None or new is None or old.action != new.action:
        return difference
    return replace(difference, result=_explained(old.after, new.after), deployed=_explained(old.before, new.before))


def _explained(old: DeployedDescription | None, new: DeployedDescription | None) -> tuple[Reason, ...]:
    if isinstance(old, Description) and isinstance(new, Description):
        return tuple(explain(old, new))
    return ()


def _refused(message: str, hint: str) -> Diagnostic:
    return Diagnostic("reviewed-plan", message, hint=hint)
