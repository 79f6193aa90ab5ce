"""Walks a plan against targets: writes first, deletes last. It decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from deployer.models.plan import Change
from deployer.targets import MovedError, Target, TargetError


@dataclass(frozen=True)
class Applied:
    """What became of each change: done (with the file's new version), failed (and why), or not tried any more."""

    done: Sequence[tuple[Change, str | None]]
    failed: Sequence[tuple[Change, str]]
    not_done: Sequence[Change]


def apply_changes(
    changes: Sequence[Change],
    targets: Mapping[str, Target],
    content: Mapping[tuple[str, str], bytes],
    progress: Callable[[str], None],
) -> Applied:
    """Make the changes, one file each. `content` gives the DAG file by (environment, file name).

    A change that finds another version than planned fails alone; a target that cannot be written stops the rest, since
    it would fail in the same way.
    """
    ordered = sorted(changes, key=lambda change: change.action == "delete")
    done: list[tuple[Change, str | None]] = []
    failed: list[tuple[Change, str]] = []
    for position, change in enumerate(ordered):
        progress(f"{change.action} {change.address}")
        if change.action == "delete" and change.address in {other.address for other, _ in failed}:
            # Its DAG under the new id was not written: the old one stays, so that there always is one.
            failed.append((change, f"{change.file} stays, since what takes its place was not written"))
            continue
        try:
            done.append((change, _apply(change, targets[change.environment], content)))
        except MovedError as error:
            failed.append((change, str(error)))
        except TargetError as error:
            failed.append((change, str(error)))
            return Applied(done, failed, ordered[position + 1 :])
    return Applied(done, failed, ())


def _apply(change: Change, target: Target, content: Mapping[tuple[str, str], bytes]) -> str | None:
    if change.action == "delete":
        assert change.version is not None
        target.delete(change.file, change.version)
        return None
    text = content[change.environment, change.file]
    if change.version is None:
        version = target.create(change.file, text)
    else:
        version = target.replace(change.file, text, change.version)
    for other in change.replaces:
        target.delete(other.file, other.version)
    return version
