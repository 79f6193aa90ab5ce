"""The protocol of targets, a folder of DAG files with conditional writes, and the errors that they raise."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol


class TargetError(Exception):
    """The target cannot be reached, read or written. The message names the target and the problem, `hint` a remedy."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class MovedError(TargetError):
    """A file is not the version that the plan saw: somebody else wrote or removed it."""

    def __init__(self, file: str, message: str) -> None:
        super().__init__(message)
        self.file = file


class UnpublishedError(TargetError):
    """Nothing was published, since somebody else wrote or removed files of this apply.

    `moved` says by file name who did what.
    """

    def __init__(self, message: str, moved: Mapping[str, str]) -> None:
        super().__init__(message)
        self.moved = dict(moved)


class Target(Protocol):
    """A folder of DAG files. Names are plain file names; a version changes whenever the content does.

    A write succeeds completely or changes nothing. It raises MovedError when the file is no longer the version that was
    planned on; the target itself decides that as part of the write, not a read before it. Any other failure is a
    TargetError. A write is done when the method returns, or, where many are published in one step, when `publish` does.
    """

    @property
    def local(self) -> bool:
        """Whether files are read without a request to a server; if not, the index caches what they contain."""

    def list(self, pattern: str = "*.py", *others: str) -> Mapping[str, str]:
        """Version by name of each file directly in the folder whose name matches; empty when there is no such folder.

        `pattern` and `others` are `fnmatch` patterns, of which one has to match. They are case-sensitive, and a leading
        dot needs no special match.
        """

    def read(self, file: str) -> tuple[bytes, str]:
        """Content and version of a file. Raises MovedError when it is gone."""

    def read_many(self, files: Iterable[str]) -> Mapping[str, tuple[bytes, str]]:
        """Content and version of files by name, read concurrently where that is faster; missing files are left out."""

    def create(self, file: str, content: bytes) -> str:
        """Write a file that must not exist yet; returns its version."""

    def replace(self, file: str, content: bytes, version: str) -> str:
        """Replace the file if it still has that version; returns the new version."""

    def delete(self, file: str, version: str) -> None:
        """Remove the file if it still has that version."""

    def publish(self, message: str, user: str, remember: Callable[[], None]) -> None:
        """End an apply: what was written is visible to everybody when this returns.

        `remember` writes the files that are kept beside the DAG files; it raises nothing. A target that publishes in
        one step includes them in that step, and calls `remember` again when it has to start over. `message` describes
        the apply and `user` is who applied, for targets that record them. Raises UnpublishedError or another
        TargetError: a target that publishes in one step has then published nothing at all.
        """
