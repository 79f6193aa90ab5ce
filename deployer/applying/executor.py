"""Applies the changes of a plan to the targets, one environment after another: writes first, deletes last.

It makes no decisions. At a remote target, writes run in parallel, and so do deletes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Protocol, TypeVar

from deployer.models.plan import Change
from deployer.models.progress import Progress
from deployer.models.target import MovedError, Target, TargetError, UnpublishedError

Done = Sequence[tuple[Change, str | None]]
Each = TypeVar("Each")

# Threads for one target: the number of connections that its client keeps open.
_WRITERS = 16


@dataclass(frozen=True)
class Applied:
    """The outcome of each change: done (with the new version of the file), failed (with the reason), or not attempted.

    If the file of a change was written, but a file that it replaces could not be deleted, there are two outcomes: the
    change without that file is done, and a delete of that file has failed.

    `unpublished` gives, by environment, why the target could not publish; its changes are not done.
    """

    done: Done = ()
    failed: Sequence[tuple[Change, str]] = ()
    not_done: Sequence[Change] = ()
    unpublished: Mapping[str, str] = field(default_factory=dict)


class Publication(Protocol):
    """What follows the changes of an environment: the commit message, and the files beside the DAG files."""

    @property
    def user(self) -> str:
        """Who applies."""

    def message(self, environment: str, changes: Sequence[Change]) -> str:
        """A commit message for targets that keep one."""

    def remember(self, environment: str, applied: Applied) -> None:
        """Write the history and the index. Raises nothing and may be called again."""


def apply_changes(
    changes: Sequence[Change],
    targets: Mapping[str, Target],
    content: Mapping[tuple[str, str], bytes],
    publication: Publication,
    progress: Progress,
) -> Applied:
    """Make the changes, one file each. `content` gives the DAG file by (environment, file name).

    A change fails alone if the version of its file is not the planned one. If a target cannot be written, all later
    changes are skipped. A target that publishes in one step makes all of its changes or none.
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
        else:
            # Nothing to publish, but the history records the failed changes if it can be written.
            publication.remember(environment, part)
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
    progress: Progress,
) -> tuple[Applied, bool]:
    """The outcome of one environment's changes, and whether the target failed."""
    writer = _ChangeWriter(target, content, progress, len(changes))
    writer.make([change for change in changes if change.action != "delete"])
    if not writer.stopped:
        deletes = [change for change in changes if change.action == "delete"]
        # If the DAG with the new id was not written, the one with the old id stays, so that there always is one.
        unwritten = {change.address for change, _ in writer.failed if change.action != "delete"}
        retained = [change for change in deletes if change.address in unwritten]
        writer.failed += [
            (change, f"{change.file} was not deleted, because its replacement was not written") for change in retained
        ]
        writer.make([change for change in deletes if change.address not in unwritten])
    made = {change.file for change, _ in [*writer.done, *writer.failed]}
    rest = [change for change in changes if change.file not in made]
    return Applied(_ordered(writer.done, changes), _ordered(writer.failed, changes), rest), writer.stopped


class _ChangeWriter:
    """Makes changes at one target, in several threads, and collects the outcomes."""

    def __init__(
        self, target: Target, content: Mapping[tuple[str, str], bytes], progress: Progress, total: int
    ) -> None:
        self.done: list[tuple[Change, str | None]] = []
        self.failed: list[tuple[Change, str]] = []
        self.stopped = False  # the target cannot be written: no further change is attempted
        self._target, self._content = target, content
        self._progress, self._total = progress, total

    def make(self, changes: Sequence[Change]) -> None:
        """Make changes that do not depend on each other."""
        if self._target.local:
            for change in changes:
                self._make(change)
            return
        # Also a single one: an interrupt is raised in the main thread, and a delete in a store has two steps.
        with ThreadPoolExecutor(_WRITERS) as writers:
            try:
                list(writers.map(self._make, changes))
            except BaseException:  # an interrupt: changes in progress finish, no other is started
                self.stopped = True
                raise

    def _make(self, change: Change) -> None:
        if self.stopped:
            return
        self._progress(f"publishing {change.environment}", len(self.done) + len(self.failed), self._total)
        try:
            version = _write_or_delete(change, self._target, self._content)
        except TargetError as error:
            self._fail(change, error)
            return
        kept = [delete.file for delete in deletes_of_replaced(change) if not self._delete(delete)]
        gone = tuple(other for other in change.replaces if other.file not in kept)
        self.done.append((replace(change, replaces=gone), version))

    def _delete(self, change: Change) -> bool:
        """Delete a file that was replaced by another. False if that failed, which makes it a failure of its own."""
        try:
            _write_or_delete(change, self._target, {})
        except TargetError as error:
            self._fail(change, error)
            return False
        return True

    def _fail(self, change: Change, error: TargetError) -> None:
        self.failed.append((change, str(error)))
        if not isinstance(error, MovedError):
            self.stopped = True


def _ordered(made: Sequence[tuple[Change, Each]], changes: Sequence[Change]) -> list[tuple[Change, Each]]:
    """The outcomes in the order of the plan."""
    position = {file: number for number, change in enumerate(changes) for file in _files(change)}
    return sorted(made, key=lambda item: position[item[0].file])


def deletes_of_replaced(change: Change) -> list[Change]:
    """The files that a change replaces, each as a delete of its own."""
    return [
        replace(change, action="delete", file=other.file, version=other.version, replaces=())
        for other in change.replaces
    ]


def _write_or_delete(change: Change, target: Target, content: Mapping[tuple[str, str], bytes]) -> str | None:
    if change.action == "delete":
        assert change.version is not None
        target.delete(change.file, change.version)
        return None
    text = content[change.environment, change.file]
    if change.version is None:
        return target.create(change.file, text)
    return target.replace(change.file, text, change.version)


def _publish(part: Applied, environment: str, target: Target, publication: Publication) -> tuple[Applied, bool]:
    """Publish. Returns the outcome, in which nothing is done if that failed, and whether the target failed."""
    message = publication.message(environment, [change for change, _ in part.done])
    try:
        target.publish(message, publication.user, lambda: publication.remember(environment, part))
    except TargetError as error:
        others = error.moved if isinstance(error, UnpublishedError) else {}
        reasons = [(change, next(filter(None, map(others.get, _files(change))), "")) for change, _ in part.done]
        failed = [(change, why) for change, why in reasons if why]
        rest = [change for change, why in reasons if not why]
        return Applied((), [*part.failed, *failed], [*rest, *part.not_done], {environment: str(error)}), not others
    return part, False


def _files(change: Change) -> list[str]:
    """The names of the files that a change writes or deletes."""
    return [change.file, *(other.file for other in change.replaces)]


def _sum(parts: Sequence[Applied]) -> Applied:
    return Applied(
        [item for part in parts for item in part.done],
        [item for part in parts for item in part.failed],
        [item for part in parts for item in part.not_done],
        {name: message for part in parts for name, message in part.unpublished.items()},
    )
