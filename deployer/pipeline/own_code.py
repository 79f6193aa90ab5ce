"""Tells of each changed file of a plan whether the flow imports it, or whether it is merely packed with the flow."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from deployer.models.desired import Desired
from deployer.models.plan import Change, Reason
from deployer.plan_context import PlanContext


def with_own_code(plan_context: PlanContext) -> PlanContext:
    """The same plan with the files that are merely packed with a flow. They do not count when plans are compared.

    The knowledge is the compiler's and in no record: a flow whose deployment changes is compiled by each plan. Where
    nothing is known, as in a rollback, no file is named.
    """
    root = plan_context.folder.resolve().parent
    return plan_context.with_changes(_told(plan_context, change, root) for change in plan_context.plan.changes)


def _told(plan_context: PlanContext, change: Change, root: Path) -> Change:
    if not change.writes or not any(reason.files for reason in change.reasons):
        return change
    try:
        item = plan_context.item(change.environment, change.file)
    except KeyError:
        return change
    return replace(change, reasons=tuple(_with_packed(reason, item, root) for reason in change.reasons))


def _with_packed(reason: Reason, item: Desired, root: Path) -> Reason:
    if reason.files is None or item.compiled is None:
        return reason
    is_own = item.compiled.code.is_own
    packed = {path: _place(path, item, root) for path in reason.files.all if not is_own(path)}
    return replace(reason, files=replace(reason.files, packed=packed))


def _place(path: str, item: Desired, root: Path) -> str:
    """Where a file lies; its path in the package if that is not below the folder of the flow, or not below `root`."""
    file = Path(item.deployment.file.resolved).parent / path
    if path in item.description.code.files and not file.exists():
        return path
    folder = _resolved(file.parent)
    return (folder.relative_to(root) / file.name).as_posix() if folder.is_relative_to(root) else path


@lru_cache
def _resolved(folder: Path) -> Path:
    # Few folders hold all files of a plan, and to resolve a path asks the file system.
    return folder.resolve()
