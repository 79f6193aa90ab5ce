"""How the current plan differs from a saved plan: what a saved plan changes is applied exactly, or refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from deployer.errors import Diagnostic, Severity
from deployer.models.description import ordered_text
from deployer.models.desired import Deployed
from deployer.models.plan import Change, Plan

Find = Callable[[str, str], Deployed | None]
"""Looks up a deployed file by environment and file name."""


def differences(saved: Plan, now: Plan, deployed: Find) -> Iterator[Diagnostic]:
    """Why a saved plan is stale, and who changed what; nothing if each of its changes is still current.

    What it does not change may differ: somebody else's change may have been applied meanwhile, or be planned.
    """
    for name in sorted({change.environment for change in saved.pending}):
        if saved.targets.get(name) != now.targets.get(name):
            yield _stale(f"{name}: the target was {saved.targets.get(name)!r} and is now {now.targets.get(name)!r}")
    after = by_key(now)
    for key, old in sorted(by_key(saved).items()):
        new = after.get(key)
        if old.action == "none" or (new is not None and are_same(old, new)):
            continue
        if new is None:
            yield _stale(f"{old.address} ({old.file}): is no longer planned")
        elif (old.version, old.replaces) != (new.version, new.replaces):
            found = deployed(new.environment, new.file)
            yield _stale(f"{old.address}: {new.file} at the target was changed since the plan was made{_by(found)}")
        else:
            yield _stale(f"{old.address}: the manifests or the code no longer give the planned result")


def reviewed(saved: Plan, now: Plan) -> tuple[Change, ...]:
    """The changes of the current plan that the saved plan makes, and what is unchanged."""
    planned = _pending_keys(saved)
    return tuple(change for change in now.changes if change.action == "none" or _key(change) in planned)


def left_out(saved: Plan, now: Plan) -> Diagnostic | None:
    """A warning of the changes that the saved plan does not make, though a plan would have them now."""
    planned = _pending_keys(saved)
    others = [f"{change.address} ({change.action})" for change in now.pending if _key(change) not in planned]
    if not others:
        return None
    count = "1 change is" if len(others) == 1 else f"{len(others)} changes are"
    pronoun = "is" if len(others) == 1 else "are"
    return Diagnostic(
        "not-in-plan",
        f"{count} not in the saved plan and {pronoun} not applied: {', '.join(others)}",
        hint="plan again to see and apply what has changed since",
        severity=Severity.WARNING,
    )


def are_same(old: Change, new: Change) -> bool:
    """Whether two changes do the same for the same reasons; what explains them is not compared."""
    texts = [(ordered_text(change.before), ordered_text(change.after)) for change in (old, new)]
    return _compared(old) == _compared(new) and texts[0] == texts[1]


def _compared(change: Change) -> Change:
    """The change without what the history says of it: that depends on what else was applied since."""
    return replace(change, reasons=tuple(reason for reason in change.reasons if reason.word != "restored"))


def by_key(plan: Plan) -> Mapping[tuple[str, str], Change]:
    """The changes of a plan by address and file: a deployment with a new DAG id has a change for each of its files."""
    return {_key(change): change for change in plan.changes}


def _pending_keys(plan: Plan) -> set[tuple[str, str]]:
    return {_key(change) for change in plan.pending}


def _key(change: Change) -> tuple[str, str]:
    return change.address, change.file


def _by(found: Deployed | None) -> str:
    if found is not None and not found.intact:
        return ", by hand"  # the record names the last apply, not the editor
    provenance = found.record.provenance if found and found.record else None
    return f", by {provenance.applied_by} at {provenance.applied_at}" if provenance else ""


def _stale(message: str) -> Diagnostic:
    return Diagnostic("stale-plan", message, hint="plan again and review the new plan")
