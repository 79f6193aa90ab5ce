"""Which deployment starts which: by the event that each publishes at the end of a run, and those that it waits for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from deployer.errors import Diagnostic, Severity
from deployer.models.description import DeployedDescription, EventSchedule, published_by
from deployer.models.desired import Desired, EnvironmentState
from deployer.models.plan import Change, Effect


@dataclass(frozen=True)
class Link:
    """A deployment among others: the event of its end, the ends that it waits for, and other events."""

    address: str
    publishes: str | None
    after: Sequence[str] = ()
    events: Sequence[str] = ()


def link(address: str, name: str, description: DeployedDescription) -> Link:
    """The link of a deployment by its description."""
    schedule = description.schedule
    publishes = published_by(name, description)
    if isinstance(schedule, EventSchedule):
        return Link(address, publishes, schedule.after, schedule.events)
    return Link(address, publishes)


def desired_links(items: Iterable[Desired]) -> list[Link]:
    """Those of what is to be deployed."""
    return [link(item.deployment.address, item.name, item.description) for item in items]


def links(items: Iterable[Desired], states: Iterable[EnvironmentState], changes: Iterable[Change]) -> list[Link]:
    """Those that there are after the changes: what is to be deployed, and whatever else is at the targets."""
    found = desired_links(items)
    gone = {
        (change.environment, file)
        for change in changes
        for file in (change.file, *(replaced.file for replaced in change.replaces))
    }
    for state in states:
        for item in state.deployed:
            record = item.record
            if record is not None and (state.environment, item.file) not in gone:
                found.append(link(record.address, record.name, record.description))
    return found


def effects(change: Change, known: Sequence[Link]) -> Iterator[Effect]:
    """What starts the deployment of a change, and what its runs start when they succeed."""
    if change.after is None:
        return
    own = link(change.address, change.name, change.after)
    publishers = {each.publishes: each.address for each in known}
    names = [publishers.get(event, event) for event in own.after]
    if own.after or own.events:
        yield Effect("started by", (*names, *own.events))
    started = {each.address for each in known if own.publishes in each.after}
    if started:
        yield Effect("starts", tuple(sorted(started)))


def cycle_problems(items: Sequence[Desired], known: Sequence[Link]) -> Iterator[tuple[str, Diagnostic]]:
    """The addresses of deployments that would start themselves, and an error for each of the cycles."""
    deployments = {item.deployment.address: item.deployment for item in items}
    for path in _cycles(known):
        involved = [address for address in path[:-1] if address in deployments]
        if not involved:
            continue
        deployment = deployments[involved[0]]
        problem = Diagnostic(
            code="trigger-cycle",
            message=f"{' -> '.join(path)}: the end of each starts the next one, so that they never stop",
            location=deployment.location,
            path=f"flows.{deployment.name}",
            hint="remove one of the triggers, in the code or by `triggers: []` in the manifest",
        )
        for address in involved:
            yield address, problem


def _cycles(known: Sequence[Link]) -> Iterator[list[str]]:
    """Each cycle once, as addresses from the first by name back to it."""
    starts: dict[str, list[str]] = {each.address: [] for each in known}
    for each in known:
        if each.publishes is not None:
            starts[each.address] += [other.address for other in known if each.publishes in other.after]
    reported: set[frozenset[str]] = set()
    for address in sorted(starts):
        path = _path_back(address, starts)
        if path and frozenset(path) not in reported:
            reported.add(frozenset(path))
            yield path


def _path_back(address: str, starts: Mapping[str, Sequence[str]]) -> list[str]:
    """A shortest path from an address to itself; empty if there is none."""
    paths = [[address]]
    seen: set[str] = set()
    for path in paths:
        for following in sorted(starts[path[-1]]):
            if following == address:
                return [*path, address]
            if following not in seen:
                seen.add(following)
                paths.append([*path, following])
    return []


def unpublished(items: Iterable[Desired], known: Iterable[Link], unknown: Collection[str]) -> Iterator[Diagnostic]:
    """A warning for each end that a deployment waits for and nobody publishes.

    `unknown` are the classes of flows that the manifests list too, and of which nobody knows what they publish.
    """
    published = {each.publishes for each in known}
    for item in items:
        for event in link(item.deployment.address, item.name, item.description).after:
            if event not in published and not set(event.split(".")) & set(unknown):
                yield Diagnostic(
                    code="never-started",
                    message=f"{item.deployment.address} waits for {event}, and no deployment publishes that event",
                    location=item.deployment.location,
                    path=f"flows.{item.deployment.name}",
                    hint="deploy the flow that it waits for, or see `mfdeploy list` for the names of deployed flows",
                    severity=Severity.WARNING,
                )
