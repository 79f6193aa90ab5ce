"""Names that other files at a target already define: an orchestrator would silently use only one of the files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from deployer.models.desired import Deployed, EnvironmentState
from deployer.models.target import MovedError, Target


class NameReader(Protocol):
    """Finds names in files: the part of an orchestrator that is needed here."""

    def file_of(self, name: str) -> str:
        """The name of the file for the deployment of that name."""

    def names_in(self, content: bytes) -> Iterable[str]:
        """The names that a file defines."""


def names_of_others(target: Target, state: EnvironmentState, reader: NameReader) -> Mapping[str, str]:
    """The file that defines each name, by name. A name in its own file is left out. Raises TargetError."""
    found: dict[str, str] = {}
    for item in state.deployed:
        for name in _names(target, item, reader):
            if item.file != reader.file_of(name):
                found.setdefault(name, item.file)
    return found


def _names(target: Target, item: Deployed, reader: NameReader) -> Iterator[str]:
    if item.record is not None:
        yield item.record.name
        return
    try:
        content, _ = target.read(item.file)
    except MovedError:
        return
    yield from reader.names_in(content)
