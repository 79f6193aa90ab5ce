"""Walks a plan against targets, one environment after the other: writes first, deletes last. It decides nothing.

The changes of one kind are made side by side where each asks a server and waits for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import groupby
from typing import Protocol, TypeVar

from deployer.models.plan import Change
from deployer.models.progress import Progress
from deployer.models.target import MovedError, Target, TargetError, UnpublishedError

Done = Sequence[tuple[Change, str | None]]
Each = TypeVar("Each")

# At one target: as many as its client keeps connections open for.
_WRITERS = 16


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

    @property
    def user(self) -> str:
        """Who applies."""

    def message(self, environment: str, changes: Sequence[Change]) -> str:
        """What was done, for targets that keep such things."""

    def remember(self, environment: str, applied: Applied) -> None:
        """Write what is kept beside the DAG files; raises nothing, and may be called again."""


def apply_changes(
    changes: Sequence[Change],
    targets: Mapping[str, Target],
    content: Mapping[tuple[str, str], bytes],
    publication: Publication,
    progress: Progress,
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
        else:
            # Nothing to publish; but what was tried is kept where it can be.
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
    """What became of one environment's changes, and whether the target cannot be written."""
    tried = _Tried(target, content, progress, len(changes))
    tried.make([change for change in changes if change.action != "delete"])
    if not tried.stopped:
        deletes = [change for change in changes if change.action == "delete"]
        # Where its DAG under the new id was not written, the old one stays, so that there always is one.
        unwritten = {change.address for change, _ in tried.failed}
        kept = [change for change in deletes if change.address in unwritten]
        tried.failed += [(each, f"{each.file} stays, since what takes its place was not written") for each in kept]
        tried.make([change for change in deletes if change.address not in unwritten])
    made = {id(change) for change, _ in [*tried.done, *tried.failed]}
    rest = [change for change in changes if id(change) not in made]
    return Applied(_ordered(tried.done, changes), _ordered(tried.failed, changes), rest), tried.stopped


class _Tried:
    """What became of the changes so far, made by several threads."""

    def __init__(
        self, target: Target, content: Mapping[tuple[str, str], bytes], progress: Progress, total: int
    ) -> None:
        self.done: list[tuple[Change, str | None]] = []
        self.failed: list[tuple[Change, str]] = []
        self.stopped = False  # the target cannot be written: what was not begun is not tried any more
        self._target, self._content = target, content
        self._progress, self._total = progress, total

    def make(self, changes: Sequence[Change]) -> None:
        """Make changes that do not depend on each other."""
        if self._target.local or len(changes) < 2:
            for change in changes:
                self._make(change)
            return
        with ThreadPoolExecutor(_WRITERS) as writers:
            try:
                list(writers.map(self._make, changes))
            except BaseException:  # an interrupt: what has begun is ended, nothing else is begun
                self.stopped = True
                raise

    def _make(self, change: Change) -> None:
        if self.stopped:
            return
        self._progress(f"publishing {change.environment}", len(self.done) + len(self.failed), self._total)
        try:
            self.done.append((change, _apply(change, self._target, self._content)))
        except MovedError as error:
            self.failed.append((change, str(error)))
        except TargetError as error:
            self.failed.append((change, str(error)))
            self.stopped = True


def _ordered(made: Sequence[tuple[Change, Each]], changes: Sequence[Change]) -> list[tuple[Change, Each]]:
    """In the order of the plan, whichever was first."""
    place = {id(change): number for number, change in enumerate(changes)}
    return sorted(made, key=lambda each: place[id(each[0])])


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
        target.publish(message, publication.user, lambda: publication.remember(environment, part))
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
