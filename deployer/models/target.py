"""Where DAG files are published: one small module for each kind of target behind one protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol


class TargetError(Exception):
    """The target cannot be reached, read or written; the message says what and where, `hint` what to try."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class MovedError(TargetError):
    """A file is no longer the version that the plan saw; somebody else wrote or removed it."""

    def __init__(self, file: str, message: str) -> None:
        super().__init__(message)
        self.file = file


class UnpublishedError(TargetError):
    """Nothing was published, since somebody else wrote or removed files of it. `moved`: by file, who and how."""

    def __init__(self, message: str, moved: Mapping[str, str]) -> None:
        super().__init__(message)
        self.moved = dict(moved)


class Target(Protocol):
    """A folder of DAG files. Names are plain file names; a version changes whenever the content does.

    Writes are whole or not at all, and refuse with MovedError when the file is not the one that was planned on: the
    place where the file is decides that, not a look before. Anything else that goes wrong is a TargetError. They are
    done when they return, or, where many are published in one step, when `publish` does.
    """

    @property
    def local(self) -> bool:
        """Whether reading a file asks nothing of a server; if not, the index keeps what the files say."""

    def list(self, pattern: str = "*.py") -> Mapping[str, str]:
        """Version by name of each file directly in the folder whose name matches; empty when there is no such folder.

        `pattern` is one of `fnmatch`, case matters, and a leading dot is a letter like any other.
        """

    def read(self, file: str) -> tuple[bytes, str]:
        """Content and version of a file. Raises MovedError when it is gone."""

    def read_many(self, files: Iterable[str]) -> Mapping[str, tuple[bytes, str]]:
        """Content and version of files by name, read at once where that is faster; those that are gone are left out."""

    def create(self, file: str, content: bytes) -> str:
        """Write a file that must not exist yet; returns its version."""

    def replace(self, file: str, content: bytes, version: str) -> str:
        """Write over the file if it still has that version; returns the new one."""

    def delete(self, file: str, version: str) -> None:
        """Remove the file if it still has that version."""

    def publish(self, message: str, user: str, remember: Callable[[], None]) -> None:
        """End an apply: what was written is there for all when this returns.

        `remember` writes what is kept beside the DAG files (it raises nothing); a target that publishes in one step
        takes that into the same step, and calls it again when it has to start anew. `message` says what was done,
        `user` who did it, where a target keeps such things. Raises UnpublishedError or another TargetError: then such
        a target published nothing at all.
        """


def check_name(file: str) -> None:
    """Raise TargetError for what is not a plain file name: it could lead out of the target."""
    if file in ("", ".", "..") or any(character in "/\\" or not character.isprintable() for character in file):
        raise TargetError(f"{file!r} is not a plain file name")
