"""Records an apply in the history of each environment that it changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Any

from deployer.applying.executor import Applied, deletes_of_replaced
from deployer.applying.verified import misjudged_files
from deployer.errors import DeployError, Diagnostic, Severity
from deployer.models.history import HISTORY_FORMAT, Command, Entry, EntryFiles, EntryReason, KeptChange, Outcome
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
    """An apply in progress: the command, its provenance, and the entry that a rollback restores.

    By environment, `earlier` are the existing entries (ids with versions, newest first), and `ids` the ids of the new
    ones. `replaced` are the DAG files that this apply replaces or deletes.
    """

    command: Command
    provenance: Provenance
    restored: str | None
    earlier: Mapping[str, Sequence[tuple[str, str]]]
    ids: Mapping[str, str]
    replaced: Files


def begin(plan_context: PlanContext, command: Command, provenance: Provenance) -> ApplyRun:
    """Read the state before an apply that the history needs.

    Raises DeployError if a target cannot be read, or if a file to replace or delete is not what the plan took it for.
    """
    versions = {key: version for change in plan_context.plan.pending for key, version in _versions(change).items()}
    replaced = _read_replaced(plan_context, versions)
    misjudged = list(misjudged_files(plan_context, replaced, versions))
    if misjudged:
        raise DeployError(misjudged)
    now = datetime.fromisoformat(provenance.applied_at)
    earlier: dict[str, Sequence[tuple[str, str]]] = {}
    for name in sorted({change.environment for change in plan_context.plan.pending}):
        environment = plan_context.environments[name]
        try:
            earlier[name] = entry_versions(plan_context.deployed.targets[name], environment.project, environment.label)
        except TargetError as error:
            raise DeployError(target_problem(environment, str(error))) from error
    ids = {name: new_id([entry for entry, _ in found], now) for name, found in earlier.items()}
    return ApplyRun(command, provenance, plan_context.plan.rollback or None, earlier, ids, replaced)


def _read_replaced(plan_context: PlanContext, versions: Mapping[tuple[str, str], str]) -> Files:
    """The DAG files that the apply replaces or deletes, with their planned `versions`.

    A file that changed after the plan was made is left out.
    """
    found: dict[tuple[str, str], bytes] = {}
    for name, keys in groupby(sorted(versions), key=lambda key: key[0]):
        try:
            read = plan_context.deployed.targets[name].read_many([file for _, file in keys])
        except TargetError as error:
            raise DeployError(target_problem(plan_context.environments[name], str(error), error.hint)) from error
        found |= {(name, file): content for file, (content, seen) in read.items() if versions[name, file] == seen}
    return found


def _versions(change: Change) -> Mapping[tuple[str, str], str]:
    """The planned version of each file that a change replaces or deletes."""
    own = {} if change.version is None else {change.file: change.version}
    others = {other.file: other.version for other in change.replaces}
    return {(change.environment, file): version for file, version in {**own, **others}.items()}


def record_apply(
    plan_context: PlanContext, name: str, target: Target, applied: Applied, run: ApplyRun, written: Files
) -> Sequence[Diagnostic]:
    """Write the history entry of one environment. A failure is only a warning, since the DAGs are deployed."""
    changes = list(_recorded_changes(plan_context, applied, name, run.replaced, written))
    try:
        write_entry(target, _entry(plan_context, name, run, changes), run.earlier[name])
    except TargetError as error:
        message = f"this apply could not be recorded in the history: {error}"
        return [
            replace(target_problem(plan_context.environments[name], message, error.hint), severity=Severity.WARNING)
        ]
    return []


def inspect_outcome(plan_context: PlanContext, name: str, target: Target, written: Files) -> Applied:
    """Read from the target what an interrupted apply has done in one environment. Raises TargetError."""
    changes = [change for change in plan_context.plan.pending if change.environment == name]
    replaced = [delete for change in changes for delete in deletes_of_replaced(change)]
    current = target.read_many([change.file for change in [*changes, *replaced]])
    done: list[tuple[Change, str | None]] = []
    not_done: list[Change] = []
    for change in changes:
        content, version = current.get(change.file, (None, None))
        if content != written.get((name, change.file)):
            not_done.append(change)
            continue
        not_done += [delete for delete in deletes_of_replaced(change) if delete.file in current]
        done.append((replace(change, replaces=tuple(o for o in change.replaces if o.file not in current)), version))
    return Applied(done, (), not_done)


def _entry(plan_context: PlanContext, name: str, run: ApplyRun, changes: list[KeptChange]) -> Entry:
    environment = plan_context.environments[name]
    done = [change for change in changes if change.before and change.outcome == "done"]
    return Entry(
        format=HISTORY_FORMAT,
        id=run.ids[name],
        project=environment.project,
        environment=name,
        branch=environment.branch.name if environment.branch.is_preview else "",
        target=environment.target.written,
        command=run.command,
        restored=run.restored,
        **asdict(run.provenance),
        changes=tuple(changes),
        texts=pack([run.replaced[name, change.file] for change in done]),
    )


def _recorded_changes(
    plan_context: PlanContext, applied: Applied, name: str, replaced: Files, written: Files
) -> Iterator[KeptChange]:
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
    """The reason without the parts that only help to review a plan: manifest lines and the text of an edit."""
    fields = [{"field": field.field, "before": field.before, "after": field.after} for field in reason.fields]
    files = reason.files and {name: getattr(reason.files, name) for name in EntryFiles.model_fields}
    return EntryReason.model_validate({"word": reason.word, "fields": fields, "files": files, "note": reason.note})


def _outcomes(applied: Applied) -> Iterator[tuple[Change, Outcome, str]]:
    """The outcome for each file: here, every other file that a change replaces is a delete of its own."""
    for change, _ in applied.done:
        yield from ((file_change, "done", "") for file_change in _by_file(change))
    for change, message in applied.failed:
        yield from ((file_change, "failed", message) for file_change in _by_file(change))
    for change in applied.not_done:
        yield from ((file_change, "not done", "") for file_change in _by_file(change))


def _by_file(change: Change) -> Iterator[Change]:
    yield replace(change, replaces=())
    yield from deletes_of_replaced(change)
