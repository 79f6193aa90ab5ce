"""The text that an apply would write over: what somebody else wrote into a DAG file, as a bounded difference."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from deployer.commands.planning import PlanContext
from deployer.models.desired import Deployed, Desired
from deployer.models.flow import Package
from deployer.models.plan import Change, Edit, Reason
from deployer.models.progress import Progress
from deployer.orchestrators.airflow import record
from deployer.pipeline import build as desired
from deployer.vcs.git import Git
from deployer.vcs.repository import commit_of

if TYPE_CHECKING:
    # Of the history, whose models take a tenth of a second to import.
    from deployer.applying.restored import DagFile

MOST_LINES = 40
MOST_LINES_OF_A_FILE = 400  # where a whole file of somebody else goes
_LONGEST_LINE = 400


def with_edits(planned: PlanContext, progress: Progress) -> PlanContext:
    """The same plan with the edits that it would undo. Reads the target and compiles; changes nothing."""
    edited = [change for change in planned.plan.changes if any(reason.edit for reason in change.reasons)]
    if not edited:
        return planned
    packages = planned.packages(edited, progress)
    shown = {id(change): _show(planned, change, packages[change.address]) for change in edited}
    changes = tuple(shown.get(id(change), change) for change in planned.plan.changes)
    return replace(planned, plan=replace(planned.plan, changes=changes))


def with_edits_of(planned: PlanContext, kept: Mapping[tuple[str, str], DagFile]) -> PlanContext:
    """The same plan of a rollback with the edits of files that are but for them as they are to be again.

    Of another file nobody knows what was applied: a difference would show both, and not tell one from the other.
    """

    def shown(change: Change, reason: Reason) -> Reason:
        back, now = kept.get((change.environment, change.file)), planned.deployed.file(change.environment, change.file)
        if not reason.edit or not back or not now or not now.record:
            return reason
        if now.record.body_digest != back.record.body_digest:
            return replace(reason, edit=None)
        there = planned.deployed.body(change.environment, change.file)
        return replace(reason, edit=_edit(change.file, back.body, there, True, MOST_LINES))

    changes = (
        replace(change, reasons=tuple(shown(change, reason) for reason in change.reasons))
        for change in planned.plan.changes
    )
    return replace(planned, plan=replace(planned.plan, changes=tuple(changes)))


def _show(planned: PlanContext, change: Change, package: Package) -> Change:
    reasons = tuple(_with_lines(planned, change, reason, package) for reason in change.reasons)
    return replace(change, reasons=reasons)


def _with_lines(planned: PlanContext, change: Change, reason: Reason, package: Package) -> Reason:
    if reason.edit is None:
        return reason
    there = planned.deployed.body(change.environment, reason.edit.file)
    item = planned.item(change.environment, change.file)
    before, exact = _applied(planned, change, reason.edit.file, item, package)
    most = MOST_LINES if reason.word == "drifted" else MOST_LINES_OF_A_FILE
    return replace(reason, edit=_edit(reason.edit.file, before, there, exact, most))


def _applied(planned: PlanContext, change: Change, file: str, item: Desired, package: Package) -> tuple[str, bool]:
    """What an apply had written there (nothing, or made again); else what one would write now, and False."""
    held = planned.deployed.file(change.environment, file)
    found = held.record if held else None
    if held and not found and not held.problem:
        return "", True  # nothing of ours was ever there: all of its text is somebody else's
    if held and found and found.description == item.description:
        again = _with_inputs(package, held)
        commit = found.provenance.commit if found.provenance else None
        text = desired.render(item, again, planned.deployed.since(change), commit)
        if record.digest_body(text) == found.body_digest:
            return text, True
    commit = commit_of(Git(os.environ), planned.folder)
    return desired.render(item, package, planned.deployed.since(change), commit), False


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
