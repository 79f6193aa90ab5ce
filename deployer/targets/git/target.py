"""DAG files in a folder of a git repository: changes are collected, and published as one commit."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from deployer.models.target import MovedError, TargetError, UnpublishedError
from deployer.targets.file_name import check_file_name
from deployer.targets.git.address import parse_address
from deployer.targets.git.bare import GitTargetError
from deployer.targets.git.clone import Clone, Entry
from deployer.targets.git.commit import build_commit, push
from deployer.vcs.git import Git

_ATTEMPTS: Final = 20
_LONGEST_WAIT: Final = 2.0


@dataclass(frozen=True)
class _Write:
    """One file as it is to be (None: removed), and the version that it must have until then (None: no file)."""

    expected: str | None
    content: bytes | None


class GitTarget:
    """DAG files on one branch. A file's version is its object id in git.

    Nothing is looked at before the first call, and nothing is written before `publish`: until then, what was written
    is seen by this object alone.
    """

    # All files of the folder come in one go: an index of what they say would only blow up each commit.
    local = True

    def __init__(self, text: str, git: Git) -> None:
        self.address = parse_address(text)
        self._git = git
        self._opened: Clone | None = None
        self._entries: Mapping[str, Entry] = {}
        self._writes: dict[str, _Write] = {}
        self._notes: dict[str, _Write] | None = None
        self._moved: dict[str, str] = {}
        self._known: Mapping[str, tuple[bytes, str]] = {}

    def list(self, pattern: str = "*.py") -> Mapping[str, str]:
        self._clone()
        blobs = {name: entry.oid for name, entry in self._entries.items() if entry.kind == "blob"}
        for name, write in self._pending.items():
            blobs.pop(name, None)
            if write.content is not None:
                blobs[name] = self._version(write.content)
        return {name: blobs[name] for name in sorted(blobs) if fnmatchcase(name, pattern)}

    def read(self, file: str) -> tuple[bytes, str]:
        if file not in self._known:
            # Whoever reads one reads the others next, and each question is a connection.
            self._known = self.read_many([*self.list(), file])
        if file not in self._known:
            raise MovedError(file, f"{file} is no longer in {self._place}")
        return self._known[file]

    def read_many(self, files: Iterable[str]) -> Mapping[str, tuple[bytes, str]]:
        """Content and version of files by name, in one connection; those that are gone are left out."""
        self._clone()
        asked, pending = [*files], self._pending
        written = {file: pending[file].content for file in asked if file in pending}
        found = {file: (content, self._version(content)) for file, content in written.items() if content is not None}
        entries = {file: self._entries[file] for file in asked if file in self._entries and file not in written}
        blobs = {file: entry.oid for file, entry in entries.items() if entry.kind == "blob"}
        contents = self._clone().contents(blobs.values()) if blobs else {}
        return {**found, **{file: (contents[oid], oid) for file, oid in blobs.items()}}

    def create(self, file: str, content: bytes) -> str:
        return self._write(file, None, content)

    def replace(self, file: str, content: bytes, version: str) -> str:
        return self._write(file, version, content)

    def delete(self, file: str, version: str) -> None:
        self._write(file, version, None)

    def publish(self, message: str, user: str, remember: Callable[[], None]) -> None:
        """Commit all that was written and push it; on top of what others push meanwhile, while that is not ours."""
        clone, refusal = self._clone(), None
        for attempt in range(_ATTEMPTS):
            self._refuse_moved()
            files = self._files(remember)
            if not files:
                return None
            commit = build_commit(clone, files, message, user)
            refusal = self._push(clone, commit)
            if refusal is None:
                self._writes, self._notes = {}, None
                return self._look()
            # At random, so that those who were refused together do not come back together.
            time.sleep(random.uniform(0, min(_LONGEST_WAIT, 0.05 * 2**attempt)))  # noqa: S311
            self._refresh(clone)
        message = f"{self._place}: the push was refused {_ATTEMPTS} times in a row, at last with {refusal!r}"
        raise TargetError(f"{message}; plan again when fewer push there")

    def _push(self, clone: Clone, commit: str) -> str | None:
        """As `push`; where the server said nothing, it may have taken the commit all the same."""
        try:
            if refusal := push(clone, commit):
                return refusal
            clone.tip = commit
        except GitTargetError as error:
            try:
                clone.refresh()
                arrived = clone.holds(commit)
            except TargetError:
                unknown = f"{error}. Whether the commit arrived is not known: plan again to see"
                raise TargetError(unknown) from error
            if not arrived:
                raise
        return None

    def _refuse_moved(self) -> None:
        """Raise UnpublishedError when a file of this apply is not the one that the plan saw."""
        if self._moved:
            some = ", ".join(sorted(self._moved))
            raise UnpublishedError(f"{self._place}: nothing was published, since {some} moved", self._moved)

    def _refresh(self, clone: Clone) -> None:
        """Go on to what others pushed, and see whether it touched a file of this apply."""
        before, self._notes = clone.tip, None
        clone.refresh()
        self._look()
        for file, write in self._writes.items():
            current = self._there(file)
            if current != write.expected:
                who = clone.who_changed(self._path(file), before)
                self._moved[file] = f"{file} in {self._place} {_how(write.expected, current)} {who}"

    def _clone(self) -> Clone:
        if self._opened is None:
            self._opened = Clone(self.address, self._git)
            self._look()
        return self._opened

    def _look(self) -> None:
        assert self._opened is not None
        self._entries, self._known = self._opened.entries(), {}

    @property
    def _place(self) -> str:
        branch = self._opened.branch if self._opened else self.address.branch
        return f"{self.address.url}//{self.address.folder} ({branch})"

    @property
    def _pending(self) -> Mapping[str, _Write]:
        return {**self._writes, **(self._notes or {})}

    def _write(self, file: str, expected: str | None, content: bytes | None) -> str:
        check_file_name(file)
        current = self._current(file)
        first = self._pending.get(file)
        if current != expected:
            message = f"{file} in {self._place} {_how(expected, current)} since the plan was made"
            if self._notes is None:
                self._moved[file] = message
            raise MovedError(file, message)
        into = self._writes if self._notes is None else self._notes
        into[file] = _Write(first.expected if first else expected, content)
        self._known = {}
        return "" if content is None else self._version(content)

    def _current(self, file: str) -> str | None:
        self._clone()
        write = self._pending.get(file)
        if write is not None:
            return None if write.content is None else self._version(write.content)
        return self._there(file)

    def _there(self, file: str) -> str | None:
        """The file's version in the clone. A folder or a submodule of that name is in the way, whatever it holds."""
        entry = self._entries.get(file)
        return entry.oid if entry else None

    def _version(self, content: bytes) -> str:
        """The object id that git will give to the content."""
        digest = hashlib.new(self._clone().hash, b"blob %d\0" % len(content), usedforsecurity=False)
        digest.update(content)
        return digest.hexdigest()

    def _files(self, remember: Callable[[], None]) -> dict[str, bytes | None]:
        """What the commit writes, by path. What is remembered is made anew for each attempt: others remember too."""
        self._notes = {}
        remember()
        return {self._path(file): write.content for file, write in self._pending.items()}

    def _path(self, file: str) -> str:
        return f"{self.address.folder}/{file}" if self.address.folder else file


def _how(expected: str | None, current: str | None) -> str:
    if expected is None:
        return "appeared"
    return "was changed" if current else "was removed"
