"""The plan that restores files as they were after an entry of the history."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from deployer.description import explain
from deployer.models.desired import Deployed, EnvironmentState, RestoredFile
from deployer.models.plan import Action, Change, Edit, Reason


def rollback_changes(
    entry: str, files: Mapping[str, RestoredFile | None], state: EnvironmentState, selects: Callable[[str], bool]
) -> tuple[Change, ...]:
    """The changes that go back to the entry with this id, sorted by address. Unchanged deployments are included.

    `files` holds the earlier state of each file that later applies changed; None if the file did not exist. `selects`
    decides which addresses of the other files are part of the plan.
    """
    changes = [*_of_files(entry, files, state), *_unchanged(files, state, selects)]
    return tuple(sorted(changes, key=lambda change: (change.address, change.file)))


def _of_files(entry: str, files: Mapping[str, RestoredFile | None], state: EnvironmentState) -> Iterator[Change]:
    for file, restored in files.items():
        now = state.files.get(file)
        if restored is not None:
            yield _put_back(entry, file, restored, now, state)
        elif now is not None and now.record is not None and state.owns(now):
            note = f"it was not deployed after {entry}"
            yield _change(now.record.address, state, "delete", file, now, None, [Reason("rollback", note=note)])


def _unchanged(
    files: Mapping[str, RestoredFile | None], state: EnvironmentState, selects: Callable[[str], bool]
) -> Iterator[Change]:
    for file, now in state.files.items():
        record = now.record
        if file not in files and record is not None and state.owns(now) and selects(record.address):
            yield _change(record.address, state, "none", file, now, None, [])


def _put_back(entry: str, file: str, restored: RestoredFile, now: Deployed | None, state: EnvironmentState) -> Change:
    address = restored.record.address
    reasons = [Reason("rollback", note=f"restores the state after {entry}")]
    if now is None:
        return _change(address, state, "create", file, now, restored, reasons)
    if now.record is None or not state.owns(now):
        note = now.problem or f"{file} no longer belongs to this project and environment"
        return _change(address, state, "conflict", file, now, restored, [Reason("conflict", note=note)])
    if _is_same(restored, now):
        return _change(address, state, "none", file, now, restored, [])
    if not now.intact:
        reasons.append(
            Reason("drifted", note="the DAG file was edited by hand; an apply overwrites the edit", edit=Edit(file))
        )
    reasons += explain(now.record.description, restored.record.description)
    return _change(address, state, "update", file, now, restored, reasons)


def _is_same(restored: RestoredFile, now: Deployed) -> bool:
    """Whether what is deployed is this file, whoever applied it."""
    if now.record is None or not now.intact:
        return False
    before, after = restored.record, now.record
    return (after.body_digest, after.description) == (before.body_digest, before.description)


def _change(
    address: str,
    state: EnvironmentState,
    action: Action,
    file: str,
    now: Deployed | None,
    restored: RestoredFile | None,
    reasons: Sequence[Reason],
) -> Change:
    deployed = now.record if now else None
    described = restored.record if restored else deployed
    assert described is not None
    return Change(
        address=address,
        environment=state.environment,
        action=action,
        name=described.name,
        file=file,
        reasons=tuple(reasons),
        before=deployed.description if deployed else None,
        after=None if action == "delete" else described.description,
        version=now.version if now else None,
    )
