"""Keep an apply in the history of each environment that it changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from deployer.applier import Applied
from deployer.commands.planning import Planned
from deployer.deployed import target_problem
from deployer.errors import DeployError, Diagnostic, Severity
from deployer.history import digest, new_id, pack, write_entry
from deployer.models.history import Command, Entry, EntryReason, KeptChange, Outcome
from deployer.models.plan import Change
from deployer.models.record import Provenance
from deployer.targets import MovedError, TargetError

Files = Mapping[tuple[str, str], bytes]
"""DAG files by environment and file name."""

_READERS = 8  # at once: an object store answers in tens of milliseconds, and an upgrade replaces every file


@dataclass(frozen=True)
class Doing:
    """What is being applied: the command, who does it, the entry that a rollback goes back to.

    `ids` are the entries to be, by environment, `replaced` the DAG files that will be no more.
    """

    command: Command
    provenance: Provenance
    restored: str | None
    ids: Mapping[str, str]
    replaced: Files


def begin(planning: Planned, command: Command, provenance: Provenance) -> Doing:
    """Read what the history will need of the state before an apply. Raises DeployError when a target cannot be read."""
    replaced = _read_replaced(planning)
    now = datetime.fromisoformat(provenance.applied_at)
    ids = {}
    for name in sorted({change.environment for change in planning.plan.pending}):
        environment = planning.environments[name]
        try:
            ids[name] = new_id(planning.deployed.targets[name], environment.project, name, now)
        except TargetError as error:
            raise DeployError(target_problem(environment, str(error))) from error
    return Doing(command, provenance, planning.plan.rollback or None, ids, replaced)


def _read_replaced(planning: Planned) -> Files:
    """The DAG files that the apply replaces or deletes, as the plan saw them; without what has moved since."""
    changes = [change for change in planning.plan.pending if change.version is not None]
    with ThreadPoolExecutor(_READERS) as readers:
        read = list(readers.map(lambda change: _read(planning, change), changes))
    if problems := [item for item in read if isinstance(item, Diagnostic)]:
        raise DeployError(problems)
    return {
        (change.environment, change.file): content
        for change, content in zip(changes, read, strict=True)
        if isinstance(content, bytes)
    }


def _read(planning: Planned, change: Change) -> bytes | Diagnostic | None:
    try:
        content, version = planning.deployed.targets[change.environment].read(change.file)
    except MovedError:
        return None
    except TargetError as error:
        return target_problem(planning.environments[change.environment], str(error))
    return content if version == change.version else None


def record_apply(planning: Planned, applied: Applied, doing: Doing, written: Files) -> Sequence[Diagnostic]:
    """Write one entry for each environment. The apply is done: that one cannot be written is a warning."""
    problems = []
    for name in doing.ids:
        changes = list(_kept(planning, applied, name, doing.replaced, written))
        try:
            write_entry(planning.deployed.targets[name], _entry(planning, name, doing, changes))
        except TargetError as error:
            problem = target_problem(planning.environments[name], f"this apply is not in the history: {error}")
            problems.append(replace(problem, severity=Severity.WARNING))
    return problems


def look_at(planning: Planned, written: Files) -> Applied:
    """What an apply that was interrupted has done, found out at the targets."""
    done: list[tuple[Change, str | None]] = []
    not_done: list[tuple[Change, str | None]] = []
    for change in planning.plan.pending:
        try:
            content, version = planning.deployed.targets[change.environment].read(change.file)
        except MovedError:
            (done if change.action == "delete" else not_done).append((change, None))
        except TargetError:
            not_done.append((change, None))
        else:
            is_done = written.get((change.environment, change.file)) == content
            (done if is_done else not_done).append((change, version))
    return Applied(done, (), [change for change, _ in not_done])


def _entry(planning: Planned, name: str, doing: Doing, changes: list[KeptChange]) -> Entry:
    environment = planning.environments[name]
    done = [change for change in changes if change.before and change.outcome == "done"]
    return Entry(
        format=1,
        id=doing.ids[name],
        project=environment.project,
        environment=name,
        target=environment.target.written,
        command=doing.command,
        restored=doing.restored,
        **asdict(doing.provenance),
        changes=changes,
        texts=pack([doing.replaced[name, change.file] for change in done]),
    )


def _kept(planning: Planned, applied: Applied, name: str, replaced: Files, written: Files) -> Iterator[KeptChange]:
    for change, outcome, message in _outcomes(applied):
        if change.environment != name or change.action not in ("create", "update", "delete"):
            continue
        key = name, change.file
        values: dict[str, Any] = {
            "address": change.address,
            "action": change.action,
            "dag_id": change.dag_id,
            "file": change.file,
            "reasons": [EntryReason.model_validate(_plain(asdict(reason))) for reason in change.reasons],
            "outcome": outcome,
            "message": _without(message, planning.desired.manifests.secrets),
            "before": digest(replaced[key]) if key in replaced else None,
            "after": digest(written[key]) if key in written and outcome == "done" else None,
        }
        yield KeptChange(**values)


def _outcomes(applied: Applied) -> Iterator[tuple[Change, Outcome, str]]:
    yield from ((change, "done", "") for change, _ in applied.done)
    yield from ((change, "failed", message) for change, message in applied.failed)
    yield from ((change, "not done", "") for change in applied.not_done)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _without(message: str, secrets: frozenset[str]) -> str:
    """A target's message may quote its address; descriptions hold no secret in the first place."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        message = message.replace(secret, "(secret)")
    return message
