"""DAG files in a folder of a git repository: changes are collected, and published as one commit."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from tenacity import RetryError, retry_if_result

from deployer.models.target import MovedError, TargetError, UnpublishedError
from deployer.models.waiting import DEFAULT_WAITS, WaitPolicy
from deployer.targets.file_name import check_file_name, matches
from deployer.targets.git.address import parse_address
from deployer.targets.git.bare import GitTargetError
from deployer.targets.git.clone import Clone, Entry
from deployer.targets.git.commit import build_commit, push
from deployer.targets.retry_policy import RetryPolicy
from deployer.vcs.git import Git

# Each attempt fetches what others pushed before: 20 of them mean that 19 others were faster. The server has answered
# before each: one that does not is given up by `BareRepository.ask`.
_PUSHES: Final = RetryPolicy(attempts=20, first_wait=0.05, longest_wait=2)


@dataclass(frozen=True)
class _Write:
    """The new content of a file (None: delete it), and the version that it must have before (None: no file)."""

    expected: str | None
    content: bytes | None


class GitTarget:
    """DAG files on one branch. A file's version is its object id in git.

    Nothing is read before the first call, and nothing is written before `publish`: until then only this object sees
    what was written.
    """

    # All files of the folder come in one fetch: an index of their contents would only enlarge each commit.
    local = True

    def __init__(self, text: str, git: Git, waits: WaitPolicy = DEFAULT_WAITS, written: str = "") -> None:
        """`written` is the address with ``${env.X}``, if it has such a reference: what is shown instead."""
        self.address = parse_address(text, written)
        self._git = git
        self._waits = waits
        self._opened: Clone | None = None
        self._entries: Mapping[str, Entry] = {}
        self._writes: dict[str, _Write] = {}
        self._notes: dict[str, _Write] | None = None
        self._moved: dict[str, str] = {}
        self._contents: Mapping[str, tuple[bytes, str]] = {}

    def list(self, pattern: str = "*.py", *others: str) -> Mapping[str, str]:
        wanted = (pattern, *others)
        self._clone()
        blobs = {name: entry.oid for name, entry in self._entries.items() if entry.kind == "blob"}
        for name, write in self._pending.items():
            blobs.pop(name, None)
            if write.content is not None:
                blobs[name] = self._version(write.content)
        return {name: blobs[name] for name in sorted(blobs) if matches(name, wanted)}

    def read(self, file: str) -> tuple[bytes, str]:
        if file not in self._contents:
            # Whoever reads one file reads the others next, and each fetch is a connection.
            self._contents = self.read_many([*self.list(), file])
        if file not in self._contents:
            raise MovedError(file, f"{file} is no longer in {self._url}")
        return self._contents[file]

    def read_many(self, files: Iterable[str]) -> Mapping[str, tuple[bytes, str]]:
        """Content and version of files by name, over one connection; missing files are left out."""
        self._clone()
        wanted, pending = [*files], self._pending
        written = {file: pending[file].content for file in wanted if file in pending}
        found = {file: (content, self._version(content)) for file, content in written.items() if content is not None}
        entries = {file: self._entries[file] for file in wanted if file in self._entries and file not in written}
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
        """Commit all that was written and push it.

        When others push first, the commit is made again on top of theirs, unless they changed a file of this apply.
        """
        clone = self._clone()
        try:
            # The policy gets results and no exceptions: it would keep them, and with them the clone, whose temporary
            # folder is removed when nothing refers to it any more.
            for attempt in _PUSHES.retrying(retry_if_result(bool)):
                if attempt.retry_state.attempt_number > 1:
                    self._refresh(clone)
                attempt.retry_state.set_result(self._publish_once(clone, message, user, remember))
        except RetryError as exhausted:
            last = exhausted.last_attempt
            refused = f"the push was refused {last.attempt_number} times in a row, last with {last.result()!r}"
            raise TargetError(f"{self._url}: {refused}; plan again when fewer push there") from None

    def _publish_once(self, clone: Clone, message: str, user: str, remember: Callable[[], None]) -> str | None:
        """Git's reason if somebody else pushed since the last refresh."""
        self._refuse_moved()
        files = self._files(remember)
        if not files:
            return None
        refusal = self._push(clone, build_commit(clone, files, message, user))
        if refusal is None:
            self._writes, self._notes = {}, None
            self._load()
        return refusal

    def _push(self, clone: Clone, commit: str) -> str | None:
        """As `push`; when the connection fails, find out whether the server took the commit all the same."""
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
        """Raise UnpublishedError when a file of this apply is no longer the version that was planned on."""
        if self._moved:
            some = ", ".join(sorted(self._moved))
            raise UnpublishedError(f"{self._url}: nothing was published, since {some} moved", self._moved)

    def _refresh(self, clone: Clone) -> None:
        """Fetch what others pushed, and note which files of this apply that changed."""
        before, self._notes = clone.tip, None
        clone.refresh()
        self._load()
        for file, write in self._writes.items():
            current = self._committed(file)
            if current != write.expected:
                who = clone.who_changed(self._path(file), before)
                self._moved[file] = f"{file} in {self._url} {_how(write.expected, current)} {who}"

    def _clone(self) -> Clone:
        if self._opened is None:
            self._opened = Clone(self.address, self._git, self._waits)
            self._load()
        return self._opened

    def _load(self) -> None:
        assert self._opened is not None
        self._entries, self._contents = self._opened.entries(), {}

    @property
    def _url(self) -> str:
        branch = self._opened.branch if self._opened else self.address.branch
        return f"{self.address.name}//{self.address.folder} ({branch})"

    @property
    def _pending(self) -> Mapping[str, _Write]:
        return {**self._writes, **(self._notes or {})}

    def _write(self, file: str, expected: str | None, content: bytes | None) -> str:
        check_file_name(file)
        current = self._current(file)
        first = self._pending.get(file)
        if current != expected:
            message = f"{file} in {self._url} {_how(expected, current)} since the plan was made"
            if self._notes is None:
                self._moved[file] = message
            raise MovedError(file, message)
        into = self._writes if self._notes is None else self._notes
        into[file] = _Write(first.expected if first else expected, content)
        self._contents = {}
        return "" if content is None else self._version(content)

    def _current(self, file: str) -> str | None:
        self._clone()
        write = self._pending.get(file)
        if write is not None:
            return None if write.content is None else self._version(write.content)
        return self._committed(file)

    def _committed(self, file: str) -> str | None:
        """The version of the file in the clone, or of the folder or submodule that has its name."""
        entry = self._entries.get(file)
        return entry.oid if entry else None

    def _version(self, content: bytes) -> str:
        """The object id that git will give to the content."""
        digest = hashlib.new(self._clone().hash, b"blob %d\0" % len(content), usedforsecurity=False)
        digest.update(content)
        return digest.hexdigest()

    def _files(self, remember: Callable[[], None]) -> dict[str, bytes | None]:
        """What the commit writes, by path. `remember` is called for each attempt, since others update its files too."""
        self._notes = {}
        remember()
        return {self._path(file): write.content for file, write in self._pending.items()}

    def _path(self, file: str) -> str:
        return f"{self.address.folder}/{file}" if self.address.folder else file


def _how(expected: str | None, current: str | None) -> str:
    if expected is None:
        return "appeared"
    return "was changed" if current else "was removed"
