"""How the current plan differs from a saved plan: a saved plan is applied exactly, or refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from deployer.errors import Diagnostic
from deployer.models.desired import Deployed
from deployer.models.plan import Plan

Find = Callable[[str, str], Deployed | None]
"""Looks up a deployed file by environment and file name."""


def differences(saved: Plan, now: Plan, deployed: Find) -> Iterator[Diagnostic]:
    """Why a saved plan is stale, and who changed what; nothing if it is still current."""
    for name in sorted(set(saved.targets) | set(now.targets)):
        if saved.targets.get(name) != now.targets.get(name):
            yield _stale(f"{name}: the target was {saved.targets.get(name)!r} and is now {now.targets.get(name)!r}")
    before = {(change.address, change.file): change for change in saved.changes}
    after = {(change.address, change.file): change for change in now.changes}
    for key in sorted(set(before) | set(after)):
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        if old is None or new is None:
            yield _stale(f"{key[0]} ({key[1]}): {'is no longer planned' if new is None else 'was not in the plan'}")
        elif (old.version, old.replaces) != (new.version, new.replaces):
            found = deployed(new.environment, new.file)
            yield _stale(f"{key[0]}: {key[1]} at the target was changed since the plan was made{_by(found)}")
        else:
            yield _stale(f"{key[0]}: the manifests or the code no longer give the planned result")


def _by(found: Deployed | None) -> str:
    if found is not None and not found.intact:
        return ", by hand"  # the record names the last apply, not the editor
    provenance = found.record.provenance if found and found.record else None
    return f", by {provenance.applied_by} at {provenance.applied_at}" if provenance else ""


def _stale(message: str) -> Diagnostic:
    return Diagnostic("stale-plan", message, hint="plan again and review the new plan")
