"""Which deployments start each other, and where the manifests and flows are written: links of a catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deployer.description.starts import Link, link
from deployer.errors import Location
from deployer.manifest.files import shown
from deployer.models.desired import DesiredState, EnvironmentState
from deployer.models.record import Record
from deployer.models.site import SiteSource, SiteStart
from deployer.vcs.pages import FilePages


@dataclass(frozen=True)
class StartLinks:
    """Who starts whom: the addresses that publish each event, and those that wait for it.

    A deployment of another manifest project has that before its address.
    """

    publishers: Mapping[str, Sequence[str]]
    waiting: Mapping[str, Sequence[str]]

    def started_by(self, own: Link) -> tuple[SiteStart, ...]:
        """What starts a deployment."""
        ends = [
            SiteStart(event=event, address=address)
            for event in own.after
            for address in self.publishers.get(event, ()) or (None,)
        ]
        return (*ends, *(SiteStart(event=event) for event in own.events))

    def starts(self, own: Link) -> tuple[SiteStart, ...]:
        """What the end of a run starts."""
        if own.publishes is None:
            return ()
        found = self.waiting.get(own.publishes, ())
        return tuple(SiteStart(event=own.publishes, address=each) for each in found)


def address_of(record: Record, project: str) -> str:
    """The address in a catalogue: with the manifest project before it where that is another one."""
    return record.address if record.owner == project else f"{record.owner}:{record.address}"


def start_links(desired: DesiredState, states: Iterable[EnvironmentState]) -> StartLinks:
    """The links between all that the manifests describe and all else that is at the targets."""
    found = {
        item.deployment.address: link(item.deployment.address, item.name, item.description) for item in desired.items
    }
    for state in states:
        for item in state.deployed:
            record = item.record
            if record is not None:
                address = address_of(record, state.project)
                found.setdefault(address, link(address, record.name, record.description))
    publishers: dict[str, list[str]] = {}
    waiting: dict[str, list[str]] = {}
    for address in sorted(found):
        own = found[address]
        if own.publishes is not None:
            publishers.setdefault(own.publishes, []).append(address)
        for event in own.after:
            waiting.setdefault(event, []).append(address)
    return StartLinks(publishers, waiting)


@dataclass(frozen=True)
class SourceLinks:
    """Places in files, with the pages that the repository's service has for them."""

    pages: FilePages | None

    def of_location(self, location: Location) -> SiteSource:
        """A place that a diagnostic would name."""
        return self._source(Path(location.file).absolute(), location.line)

    def of_file(self, file: str, line: int | None) -> SiteSource:
        """A line of a file by its path."""
        return self._source(Path(file), line)

    def _source(self, file: Path, line: int | None) -> SiteSource:
        url = self.pages.page(file, line or 1) if self.pages else ""
        return SiteSource(file=shown(file), line=line, url=url)
