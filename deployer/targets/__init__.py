"""Where DAG files are published: one small module for each kind of target behind one protocol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class TargetError(Exception):
    """The target cannot be reached, read or written; the message says what and where."""


class MovedError(TargetError):
    """A file is no longer the version that the plan saw; somebody else wrote or removed it."""

    def __init__(self, file: str, message: str) -> None:
        super().__init__(message)
        self.file = file


class Target(Protocol):
    """A folder of DAG files. Names are plain file names; a version changes whenever the content does.

    Writes are whole or not at all, and refuse with MovedError when the file is not the one that was planned on.
    """

    def list(self, pattern: str = "*.py") -> Mapping[str, str]:
        """Version by name of each file directly in the folder whose name matches; empty when there is no such folder.

        `pattern` is one of `fnmatch`, case matters, and a leading dot is a letter like any other.
        """

    def read(self, file: str) -> tuple[bytes, str]:
        """Content and version of a file. Raises MovedError when it is gone."""

    def create(self, file: str, content: bytes) -> str:
        """Write a file that must not exist yet; returns its version."""

    def replace(self, file: str, content: bytes, version: str) -> str:
        """Write over the file if it still has that version; returns the new one."""

    def delete(self, file: str, version: str) -> None:
        """Remove the file if it still has that version."""
