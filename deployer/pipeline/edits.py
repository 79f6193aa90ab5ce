"""The text that an apply would write over: what somebody else wrote into a file, as a bounded difference."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import replace

from deployer.context import Context
from deployer.models.desired import Deployed, RestoredFile
from deployer.models.digest import digest_text
from deployer.models.flow import Package
from deployer.models.plan import Change, Edit, Reason
from deployer.pipeline.rendering import packages_to_show, render
from deployer.plan_context import PlanContext
from deployer.vcs.repository import commit_of

MOST_LINES = 40
MOST_LINES_OF_A_FILE = 400  # where a whole file of somebody else goes
_LONGEST_LINE = 400


def with_edits(plan: PlanContext, context: Context) -> PlanContext:
    """The same plan with the edits that it would undo. Reads the target and compiles; changes nothing."""
    edited = [change for change in plan.plan.changes if any(reason.edit for reason in change.reasons)]
    if not edited:
        return plan
    packages = packages_to_show(plan, edited, context)
    commit = commit_of(context.git, plan.folder)
    shown = {id(change): _show(plan, change, packages[change.address], commit, context) for change in edited}
    return plan.with_changes(shown.get(id(change), change) for change in plan.plan.changes)


def with_edits_of(plan: PlanContext, restored: Mapping[tuple[str, str], RestoredFile]) -> PlanContext:
    """The same plan of a rollback with the edits of files that are but for them as they are to be again.

    Of another file nobody knows what was applied: a difference would show both, and not tell one from the other.
    """

    def shown(change: Change, reason: Reason) -> Reason:
        back, now = restored.get((change.environment, change.file)), plan.deployed.file(change.environment, change.file)
        if not reason.edit or not back or not now or not now.record:
            return reason
        if now.record.body_digest != back.record.body_digest:
            return replace(reason, edit=None)
        there = plan.deployed.body(change.environment, change.file)
        return replace(reason, edit=_edit(change.file, back.body, there, True, MOST_LINES))

    return plan.with_changes(
        replace(change, reasons=tuple(shown(change, reason) for reason in change.reasons))
        for change in plan.plan.changes
    )


def _show(plan: PlanContext, change: Change, package: Package, commit: str | None, context: Context) -> Change:
    def shown(reason: Reason) -> Reason:
        if reason.edit is None:
            return reason
        there = plan.deployed.body(change.environment, reason.edit.file)
        before, exact = _applied(plan, change, reason.edit.file, package, commit, context)
        most = MOST_LINES if reason.word == "drifted" else MOST_LINES_OF_A_FILE
        return replace(reason, edit=_edit(reason.edit.file, before, there, exact, most))

    return replace(change, reasons=tuple(map(shown, change.reasons)))


def _applied(
    plan: PlanContext, change: Change, file: str, package: Package, commit: str | None, context: Context
) -> tuple[str, bool]:
    """What an apply had written there (nothing, or made again); else what one would write now, and False."""
    item, since = plan.item(change.environment, change.file), plan.deployed.since(change)
    held = plan.deployed.file(change.environment, file)
    found = held.record if held else None
    if held and not found and not held.problem:
        return "", True  # nothing of ours was ever there: all of its text is somebody else's
    if held and found and found.description == item.description:
        applied = found.provenance.commit if found.provenance else None
        text = render(item, _with_inputs(package, held), context, since, applied)
        if digest_text(text) == found.body_digest:
            return text, True
    return render(item, package, context, since, commit), False


def _with_inputs(package: Package, held: Deployed) -> Package:
    inputs = held.record.inputs if held.record else None
    values: Mapping[str, object] = inputs.parameters if inputs else {}
    return replace(package, parameters={**package.parameters, **values})


def _edit(file: str, before: str, there: str, exact: bool, most: int) -> Edit:
    lines = _diff(before.splitlines(), there.splitlines())
    shown = tuple(line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}..." for line in lines[:most])
    return Edit(file, shown, max(len(lines) - most, 0), exact)


def _diff(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """The lines of a unified diff without the two that name files: the plan names the file already."""
    return list(difflib.unified_diff(before, after, lineterm="", n=2))[2:]
