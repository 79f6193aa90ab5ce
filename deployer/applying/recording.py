"""Keep an apply in the history of each environment that it changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Any

from deployer.applying.executor import Applied
from deployer.errors import DeployError, Diagnostic, Severity
from deployer.models.history import HISTORY_FORMAT, Command, Entry, EntryReason, KeptChange, Outcome
from deployer.models.plan import Change, Reason
from deployer.models.record import Provenance
from deployer.models.target import Target, TargetError
from deployer.plan_context import PlanContext
from deployer.state.history import digest, entry_versions, new_id, pack, write_entry
from deployer.state.survey import target_problem

Files = Mapping[tuple[str, str], bytes]
"""DAG files by environment and file name."""


@dataclass(frozen=True)
class ApplyRun:
    """What is being applied: the command, who does it, the entry that a rollback goes back to.

    By environment, `earlier` are the entries that are there (ids with versions, the newest first), `ids` those to be.
    `replaced` are the DAG files that will be no more.
    """

    command: Command
    provenance: Provenance
    restored: str | None
    earlier: Mapping[str, Sequence[tuple[str, str]]]
    ids: Mapping[str, str]
    replaced: Files


def begin(planning: PlanContext, command: Command, provenance: Provenance) -> ApplyRun:
    """Read what the history will need of the state before an apply. Raises DeployError when a target cannot be read."""
    replaced = _read_replaced(planning)
    now = datetime.fromisoformat(provenance.applied_at)
    earlier: dict[str, Sequence[tuple[str, str]]] = {}
    for name in sorted({change.environment for change in planning.plan.pending}):
        environment = planning.environments[name]
        try:
            earlier[name] = entry_versions(planning.deployed.targets[name], environment.project, name)
        except TargetError as error:
            raise DeployError(target_problem(environment, str(error))) from error
    ids = {name: new_id([entry for entry, _ in found], now) for name, found in earlier.items()}
    return ApplyRun(command, provenance, planning.plan.rollback or None, earlier, ids, replaced)


def _read_replaced(planning: PlanContext) -> Files:
    """The DAG files that the apply replaces or deletes, as the plan saw them; without what has moved since."""
    versions = {key: version for change in planning.plan.pending for key, version in _versions(change).items()}
    found: dict[tuple[str, str], bytes] = {}
    for name, keys in groupby(sorted(versions), key=lambda key: key[0]):
        try:
            read = planning.deployed.targets[name].read_many([file for _, file in keys])
        except TargetError as error:
            raise DeployError(target_problem(planning.environments[name], str(error), error.hint)) from error
        found |= {(name, file): content for file, (content, seen) in read.items() if versions[name, file] == seen}
    return found


def _versions(change: Change) -> Mapping[tuple[str, str], str]:
    """The files that a change replaces or deletes, with the versions that the plan saw."""
    own = {} if change.version is None else {change.file: change.version}
    others = {other.file: other.version for other in change.replaces}
    return {(change.environment, file): version for file, version in {**own, **others}.items()}


def record_apply(
    planning: PlanContext, name: str, target: Target, applied: Applied, doing: ApplyRun, written: Files
) -> Sequence[Diagnostic]:
    """Write the entry of one environment at its target. That it cannot be written is a warning: the DAGs are there."""
    changes = list(_kept(planning, applied, name, doing.replaced, written))
    try:
        write_entry(target, _entry(planning, name, doing, changes), doing.earlier[name])
    except TargetError as error:
        message = f"this apply is not in the history: {error}"
        return [replace(target_problem(planning.environments[name], message, error.hint), severity=Severity.WARNING)]
    return []


def look_at(planning: PlanContext, name: str, target: Target, written: Files) -> Applied:
    """What an apply that was interrupted has done in one environment, found out at the target. Raises TargetError."""
    changes = [change for change in planning.plan.pending if change.environment == name]
    there = target.read_many([change.file for change in changes])
    done: list[tuple[Change, str | None]] = []
    not_done: list[Change] = []
    for change in changes:
        content, version = there.get(change.file, (None, None))
        if content == written.get((name, change.file)) and not any(each.file in there for each in change.replaces):
            done.append((change, version))
        else:
            not_done.append(change)
    return Applied(done, (), not_done)


def _entry(planning: PlanContext, name: str, doing: ApplyRun, changes: list[KeptChange]) -> Entry:
    environment = planning.environments[name]
    done = [change for change in changes if change.before and change.outcome == "done"]
    return Entry(
        format=HISTORY_FORMAT,
        id=doing.ids[name],
        project=environment.project,
        environment=name,
        target=environment.target.written,
        command=doing.command,
        restored=doing.restored,
        **asdict(doing.provenance),
        changes=tuple(changes),
        texts=pack([doing.replaced[name, change.file] for change in done]),
    )


def _kept(planning: PlanContext, applied: Applied, name: str, replaced: Files, written: Files) -> Iterator[KeptChange]:
    for change, outcome, message in _outcomes(applied):
        if change.environment != name or change.action not in ("create", "update", "delete"):
            continue
        key = name, change.file
        values: dict[str, Any] = {
            "address": change.address,
            "action": change.action,
            "name": change.name,
            "file": change.file,
            "reasons": [_reason(reason) for reason in change.reasons],
            "outcome": outcome,
            "message": message,
            "before": digest(replaced[key]) if key in replaced else None,
            "after": digest(written[key]) if key in written and outcome == "done" else None,
        }
        yield KeptChange(**values)


def _reason(reason: Reason) -> EntryReason:
    """Why, without what is of use only while it is planned: lines of manifests, and the text of an edit."""
    fields = [{"field": each.field, "before": each.before, "after": each.after} for each in reason.fields]
    files = asdict(reason.files) if reason.files else None
    return EntryReason.model_validate({"word": reason.word, "fields": fields, "files": files, "note": reason.note})


def _outcomes(applied: Applied) -> Iterator[tuple[Change, Outcome, str]]:
    """What became of each file: other files that a change replaces are deletes of their own here."""
    for change, _ in applied.done:
        yield from ((each, "done", "") for each in _by_file(change))
    for change, message in applied.failed:
        yield from ((each, "failed", message) for each in _by_file(change))
    for change in applied.not_done:
        yield from ((each, "not done", "") for each in _by_file(change))


def _by_file(change: Change) -> Iterator[Change]:
    yield replace(change, replaces=())
    for other in change.replaces:
        yield replace(change, action="delete", file=other.file, version=other.version, replaces=())
