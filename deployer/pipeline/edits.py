"""Shows manual edits that an apply would overwrite, as a diff with a limited number of lines."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import replace

from deployer.context import Context
from deployer.models.description import same_description
from deployer.models.desired import Deployed, RestoredFile
from deployer.models.digest import digest_text
from deployer.models.flow import Package
from deployer.models.plan import Change, Edit, Reason
from deployer.models.record import Origin
from deployer.pipeline.rendering import packages_to_show, render
from deployer.plan_context import PlanContext
from deployer.vcs.ci import page_of_job

MOST_LINES = 40
MOST_LINES_OF_A_FILE = 400  # if a whole foreign file is replaced
_LONGEST_LINE = 400


def with_edits(plan_context: PlanContext, context: Context) -> PlanContext:
    """The same plan with the manual edits that it would overwrite. Reads the target and compiles; changes nothing."""
    edited = [change for change in plan_context.plan.changes if any(reason.edit for reason in change.reasons)]
    if not edited:
        return plan_context
    packages = packages_to_show(plan_context, edited, context)
    origin = Origin(plan_context.commit(context.git), context.user, page_of_job(context.environ))
    shown = {id(change): _show(plan_context, change, packages[change.address], origin, context) for change in edited}
    return plan_context.with_changes(shown.get(id(change), change) for change in plan_context.plan.changes)


def with_edits_of(plan_context: PlanContext, restored: Mapping[tuple[str, str], RestoredFile]) -> PlanContext:
    """The same rollback plan with the manual edits of files that are otherwise as the rollback restores them.

    For other files, a diff could not separate the manual edit from the changes of later applies.
    """

    def shown(change: Change, reason: Reason) -> Reason:
        back = restored.get((change.environment, change.file))
        now = plan_context.deployed.file(change.environment, change.file)
        if not reason.edit or not back or not now or not now.record:
            return reason
        if now.record.body_digest != back.record.body_digest:
            return replace(reason, edit=None)
        current = plan_context.deployed.body(change.environment, change.file)
        return replace(reason, edit=_edit(change.file, back.body, current, True, MOST_LINES))

    return plan_context.with_changes(
        replace(change, reasons=tuple(shown(change, reason) for reason in change.reasons))
        for change in plan_context.plan.changes
    )


def _show(plan_context: PlanContext, change: Change, package: Package, origin: Origin, context: Context) -> Change:
    def shown(reason: Reason) -> Reason:
        if reason.edit is None:
            return reason
        current = plan_context.deployed.body(change.environment, reason.edit.file)
        before, exact = _applied(plan_context, change, reason.edit.file, package, origin, context)
        most = MOST_LINES if reason.word == "drifted" else MOST_LINES_OF_A_FILE
        return replace(reason, edit=_edit(reason.edit.file, before, current, exact, most))

    return replace(change, reasons=tuple(map(shown, change.reasons)))


def _applied(
    plan_context: PlanContext, change: Change, file: str, package: Package, origin: Origin, context: Context
) -> tuple[str, bool]:
    """The text that the last apply wrote, and True; if that is unknown, the text of an apply now, and False."""
    item = plan_context.item(change.environment, change.file)
    since, run_ids = plan_context.deployed.since(change), plan_context.deployed.run_ids(change)
    deployed = plan_context.deployed.file(change.environment, file)
    record = deployed.record if deployed else None
    if deployed and not record and not deployed.problem:
        return "", True  # the file was never ours: all of its text is foreign
    if deployed and record and same_description(record.description, item.description):
        text = render(item, _with_inputs(package, deployed), context, since, record.origin, run_ids)
        if digest_text(text) == record.body_digest:
            return text, True
    # What the file says of its own apply is no edit.
    return render(item, package, context, since, record.origin if record else origin, run_ids), False


def _with_inputs(package: Package, deployed: Deployed) -> Package:
    inputs = deployed.record.inputs if deployed.record else None
    values: Mapping[str, object] = inputs.parameters if inputs else {}
    return replace(package, parameters={**package.parameters, **values})


def _edit(file: str, before: str, current: str, exact: bool, most: int) -> Edit:
    lines = _diff(before.splitlines(), current.splitlines())
    shown = tuple(line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}..." for line in lines[:most])
    return Edit(file, shown, max(len(lines) - most, 0), exact)


def _diff(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """The lines of a unified diff without its two header lines: the plan already names the file."""
    return list(difflib.unified_diff(before, after, lineterm="", n=2))[2:]
