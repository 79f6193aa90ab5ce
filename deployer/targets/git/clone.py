"""A clone of one branch's last commit in a temporary folder: no history, no worktree, files fetched when read."""

from __future__ import annotations

import contextlib
import os
import signal
import weakref
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deployer.models.target import TargetError
from deployer.models.temporary import make_folder, new_name, remove_folder
from deployer.models.waiting import DEFAULT_WAITS, WaitPolicy
from deployer.targets.git.address import GitAddress
from deployer.targets.git.bare import BareRepository, GitTargetError
from deployer.vcs.git import Git

_REMOTE: Final = "mfdeploy"
_FILTER: Final = "--filter=blob:none"
_QUIET: Final = ("--no-tags", "--no-write-fetch-head", "--recurse-submodules=no")
_DEPTH_OF_HISTORY: Final = 100
_KINDS: Final = {"120000": "a symbolic link", "160000": "a submodule"}


@dataclass(frozen=True)
class Entry:
    """One name in a folder of the repository: its mode (octal text), its kind (blob, tree, commit) and object id."""

    mode: str
    kind: str
    oid: str


class Clone:
    """The repository at `address`, as it was when this was created or last refreshed. Raises TargetError."""

    def __init__(self, address: GitAddress, git: Git, waits: WaitPolicy = DEFAULT_WAITS) -> None:
        self.address = address
        folder = new_name("mfdeploy-git-")
        # Also at the end of the process and after Ctrl-C, but not by a process that was forked from this one.
        self._removed = weakref.finalize(self, _remove, folder)
        make_folder(folder)
        self.repository = BareRepository(git, Path(folder) / "repository.git", address, waits)
        self._clone()
        self._tree: str | None = None
        self.branch = self._branch()
        self.tip = self._tip()
        self.hash = self.repository.text("rev-parse", "--show-object-format")

    def _clone(self) -> None:
        chosen = [f"--branch={self.address.branch}"] if self.address.branch else []
        shallow = ("--depth=1", "--single-branch", "--no-tags", _FILTER)
        options = ("-q", "--bare", "--template=", f"--origin={_REMOTE}", *shallow, *chosen)
        try:
            self.repository.ask("clone", *options, "--", self.repository.remote, str(self.repository.folder))
        except GitTargetError as error:
            raise self._explained(error) from error

    def _explained(self, error: GitTargetError) -> TargetError:
        """The error to report. Git's message may not say that the branch is the problem; the remote's references do."""
        try:
            there = self.repository.ask("ls-remote", "--", self.repository.remote).decode(errors="replace").splitlines()
        except GitTargetError:
            return error
        branch = self.address.branch
        if not there:
            return self._empty()
        if branch is None or any(line.endswith(f"\trefs/heads/{branch}") for line in there):
            return error
        if any(line.endswith(f"\trefs/tags/{branch}") for line in there):
            return self._tag()
        heads = [line.partition("\trefs/heads/")[2] for line in there if "\trefs/heads/" in line]
        known = ", ".join(sorted(heads)[:10])
        return TargetError(
            f"{self.address.name}: there is no branch {branch!r} (found {known}); push it first, or correct ?ref="
        )

    def _tag(self) -> TargetError:
        return TargetError(
            f"{self.address.name}: {self.address.branch!r} is a tag, and only a branch can be published to"
        )

    def _empty(self) -> TargetError:
        return TargetError(f"{self.address.name}: the repository is empty; push a first commit to the branch by hand")

    def _branch(self) -> str:
        try:
            return self.repository.text("symbolic-ref", "HEAD").removeprefix("refs/heads/")
        except GitTargetError as error:
            if self.address.branch:
                raise self._tag() from error
            raise TargetError(f"{self.address.name}: HEAD is not a branch there; name one with ?ref=branch") from error

    def _tip(self) -> str:
        try:
            return self.repository.text("rev-parse", "--verify", "--quiet", f"refs/heads/{self.branch}^{{commit}}")
        except GitTargetError as error:
            raise self._empty() from error

    def refresh(self) -> None:
        """Fetch the branch's last commit. Raises TargetError, also when the branch is gone."""
        self._fetch("--depth=1")
        self.tip = self._tip()

    def _fetch(self, depth: str) -> None:
        reference = f"+refs/heads/{self.branch}:refs/heads/{self.branch}"
        try:
            self.repository.ask("fetch", "-q", depth, _FILTER, *_QUIET, "--update-head-ok", _REMOTE, reference)
        except GitTargetError as error:
            if "couldn't find remote ref" in error.stderr:
                gone = f"{self.address.name}: the branch {self.branch!r} is gone; push it again, or change ?ref="
                raise TargetError(gone) from error
            raise

    def entries(self) -> Mapping[str, Entry]:
        """The entries of the address's folder, by name; empty when there is no such folder."""
        parts = self.address.folder.split("/") if self.address.folder else []
        paths = ["/".join(parts[: end + 1]) for end in range(len(parts))]
        above = self._list("--full-tree", self.tip, "--", *paths) if paths else {}
        for path in paths:
            if path not in above:
                self._tree = None
                return {}
            if above[path].kind != "tree":
                kind = _KINDS.get(above[path].mode, "a file")
                raise TargetError(f"{self.address.name}: {path!r} is {kind} there, and must be a folder")
        self._tree = above[paths[-1]].oid if paths else f"{self.tip}^{{tree}}"
        return self._list(self._tree)

    def _list(self, *words: str) -> dict[str, Entry]:
        lines = os.fsdecode(self.repository.run("ls-tree", "-z", *words)).split("\0")
        found = (line.partition("\t") for line in lines if line)
        return {name: Entry(*values.split()) for values, _, name in found}

    def contents(self, oids: Iterable[str]) -> dict[str, bytes]:
        """Contents by object id; those that were not fetched yet come in one fetch."""
        wanted = sorted(set(oids))
        missing = self._missing().intersection(wanted)
        if missing:
            words = ("fetch", "-q", *_QUIET, _FILTER, "--stdin", _REMOTE)
            self.repository.ask(*words, stdin=_lines(missing), settings={"fetch.negotiationAlgorithm": "noop"})
        return dict(_objects(self.repository.run("cat-file", "--batch", stdin=_lines(wanted))))

    def _missing(self) -> frozenset[str]:
        """The files below the folder that were not fetched yet. Asking for one by its id would fetch that one alone."""
        if self._tree is None:
            return frozenset()
        listed = self.repository.text(
            "rev-list", "--objects", "--missing=print", "--no-object-names", self._tree
        ).split()
        return frozenset(oid[1:] for oid in listed if oid.startswith("?"))

    def holds(self, commit: str) -> bool:
        """Whether the branch, as of the last `refresh`, contains a commit that was made here."""
        if commit == self.tip:
            return True
        self._fetch(f"--depth={_DEPTH_OF_HISTORY}")
        return self._is_ancestor(commit)

    def _is_ancestor(self, commit: str) -> bool:
        try:
            self.repository.run("merge-base", "--is-ancestor", commit, self.tip)
        except GitTargetError:
            return False
        return True

    def who_changed(self, path: str, since: str) -> str:
        """The commit after `since` that last changed a path, with its author, as the end of a sentence."""
        shown = "--format=%h (%an <%ae>, %aI)"
        with contextlib.suppress(TargetError):
            self._fetch(f"--depth={_DEPTH_OF_HISTORY}")
            if self._is_ancestor(since):
                return f"by {self.repository.text('log', '-1', shown, f'{since}..{self.tip}', '--', path)}"
        return f"meanwhile; the branch is now at {self.repository.text('log', '-1', shown, self.tip)}"


def _lines(oids: Iterable[str]) -> bytes:
    return "".join(f"{oid}\n" for oid in oids).encode()


def _objects(output: bytes) -> Iterator[tuple[str, bytes]]:
    """Id and content of each object in the output of `cat-file --batch`."""
    at = 0
    while at < len(output):
        end = output.index(b"\n", at)
        oid, _, size = output[at:end].decode().split(" ")
        at = end + 1 + int(size)
        yield oid, output[end + 1 : at]
        at += 1


def _remove(folder: str) -> None:
    # Python calls this once, when nobody holds the clone: what a signal raises here is lost.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
    try:
        remove_folder(folder)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
