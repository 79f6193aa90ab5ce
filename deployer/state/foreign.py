"""Names that other files at a target define already: an orchestrator would take one of the two, and not say which."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from deployer.models.desired import Deployed, EnvironmentState
from deployer.models.target import MovedError, Target


class NameReader(Protocol):
    """What finds names in files: the part of an orchestrator that is needed here."""

    def file_of(self, name: str) -> str:
        """The file that holds the deployment of that name."""

    def names_in(self, content: bytes) -> Iterable[str]:
        """The names that a file defines."""


def names_of_others(target: Target, state: EnvironmentState, reader: NameReader) -> Mapping[str, str]:
    """The file that defines a name, by name; without those that stand in the file of that name. Raises TargetError."""
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
