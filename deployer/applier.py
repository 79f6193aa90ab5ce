"""Walks a plan against targets, one environment after the other: writes first, deletes last. It decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Protocol

from deployer.models.plan import Change
from deployer.targets import MovedError, Target, TargetError, UnpublishedError

Done = Sequence[tuple[Change, str | None]]


@dataclass(frozen=True)
class Applied:
    """What became of each change: done (with the file's new version), failed (and why), or not tried any more.

    `unpublished` says, by environment, why nothing of what was written there was published; its changes are not done.
    """

    done: Done = ()
    failed: Sequence[tuple[Change, str]] = ()
    not_done: Sequence[Change] = ()
    unpublished: Mapping[str, str] = field(default_factory=dict)


class Publication(Protocol):
    """What a target is told at the end of an environment's changes."""

    user: str

    def message(self, environment: str, changes: Sequence[Change]) -> str:
        """What was done, for targets that keep such things."""

    def remember(self, environment: str, done: Done) -> None:
        """Write what is kept beside the DAG files; raises nothing, and may be called again."""


def apply_changes(
    changes: Sequence[Change],
    targets: Mapping[str, Target],
    content: Mapping[tuple[str, str], bytes],
    publication: Publication,
    progress: Callable[[str], None],
) -> Applied:
    """Make the changes, one file each. `content` gives the DAG file by (environment, file name).

    A change that finds another version than planned fails alone; a target that cannot be written stops the rest. A
    target that publishes in one step does all of its changes or none.
    """
    parts: list[Applied] = []
    stopped = False
    for environment, batch in _batches(changes):
        if stopped:
            parts.append(Applied(not_done=batch))
            continue
        part, stopped = _write(batch, targets[environment], content, progress)
        if part.done:
            progress(f"publishing {environment}")
            part, failed = _publish(part, environment, targets[environment], publication)
            stopped = stopped or failed
        parts.append(part)
    return _sum(parts)


def _batches(changes: Iterable[Change]) -> Iterator[tuple[str, list[Change]]]:
    ordered = sorted(changes, key=lambda change: (change.environment, change.action == "delete"))
    for environment, batch in groupby(ordered, key=lambda change: change.environment):
        yield environment, list(batch)


def _write(
    changes: Sequence[Change],
    target: Target,
    content: Mapping[tuple[str, str], bytes],
    progress: Callable[[str], None],
) -> tuple[Applied, bool]:
    """What became of one environment's changes, and whether the target cannot be written."""
    done: list[tuple[Change, str | None]] = []
    failed: list[tuple[Change, str]] = []
    for position, change in enumerate(changes):
        progress(f"{change.action} {change.address}")
        if change.action == "delete" and change.address in {other.address for other, _ in failed}:
            # Its DAG under the new id was not written: the old one stays, so that there always is one.
            failed.append((change, f"{change.file} stays, since what takes its place was not written"))
            continue
        try:
            done.append((change, _apply(change, target, content)))
        except MovedError as error:
            failed.append((change, str(error)))
        except TargetError as error:
            failed.append((change, str(error)))
            return Applied(done, failed, changes[position + 1 :]), True
    return Applied(done, failed), False


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


def _publish(part: Applied, environment: str, target: Target, publication: Publication) -> tuple[Applied, bool]:
    """The same, published; or with all that was written not done. And whether the target cannot be written."""
    message = publication.message(environment, [change for change, _ in part.done])
    try:
        target.publish(message, publication.user, lambda: publication.remember(environment, part.done))
    except TargetError as error:
        others = error.moved if isinstance(error, UnpublishedError) else {}
        reasons = [(change, next(filter(None, map(others.get, _files(change))), "")) for change, _ in part.done]
        failed = [(change, why) for change, why in reasons if why]
        rest = [change for change, why in reasons if not why]
        return Applied((), [*part.failed, *failed], [*rest, *part.not_done], {environment: str(error)}), not others
    return part, False


def _files(change: Change) -> list[str]:
    """The files that a change writes or deletes."""
    return [change.file, *(other.file for other in change.replaces)]


def _sum(parts: Sequence[Applied]) -> Applied:
    return Applied(
        [each for part in parts for each in part.done],
        [each for part in parts for each in part.failed],
        [each for part in parts for each in part.not_done],
        {name: message for part in parts for name, message in part.unpublished.items()},
    )
