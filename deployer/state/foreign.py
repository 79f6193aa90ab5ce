"""Names that other files at a target already define: an orchestrator would silently use only one of the files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from deployer.models.desired import EnvironmentState
from deployer.models.target import Target

KnownNames = dict[tuple[str, str], tuple[str, ...]]
"""The names that a foreign file defines, by file name and version."""


class NameReader(Protocol):
    """Finds names in files: the part of an orchestrator that is needed here."""

    def file_of(self, name: str) -> str:
        """The name of the file for the deployment of that name."""

    def names_in(self, content: bytes) -> Iterable[str]:
        """The names that a file defines."""


def names_of_others(
    target: Target, state: EnvironmentState, reader: NameReader, known: KnownNames
) -> Mapping[str, str]:
    """The file that defines each name, by name. A name in its own file is left out. Raises TargetError.

    Foreign files that are not in `known` are read, side by side, and added to it.
    """
    foreign = {item.file: item.version for item in state.deployed if item.record is None}
    unread = [file for file, version in foreign.items() if (file, version) not in known]
    contents = target.read_many(unread)
    for file in unread:
        # A file that was removed since it was listed defines nothing.
        content, version = contents.get(file, (b"", foreign[file]))
        known[file, version] = known[file, foreign[file]] = tuple(reader.names_in(content))
    found: dict[str, str] = {}
    for item in state.deployed:
        for name in [item.record.name] if item.record else known[item.file, item.version]:
            if item.file != reader.file_of(name):
                found.setdefault(name, item.file)
    return found
