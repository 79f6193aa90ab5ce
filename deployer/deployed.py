"""What is deployed: the records in the DAG files of the targets, read without running any of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from deployer import record, stock
from deployer.errors import DeployError, Diagnostic
from deployer.index import Index, read_index
from deployer.models.deployment import Environment
from deployer.models.desired import Deployed
from deployer.models.plan import Change
from deployer.models.record import Provenance
from deployer.planner import Site
from deployer.targets import Target, TargetError
from deployer.targets.registry import open_target


@dataclass(frozen=True)
class DeployedState:
    """The targets of the environments that were looked at, and what each holds."""

    targets: Mapping[str, Target]
    sites: tuple[Site, ...]
    indexes: Mapping[str, Index] = field(default_factory=dict)

    def since(self, change: Change) -> datetime | None:
        """When the DAG of a change was first applied, by whichever file holds it; None when it is not deployed."""
        for item in self.holding(change):
            if item.record and item.record.since:
                return datetime.fromisoformat(item.record.since)
        return None

    def holding(self, change: Change) -> Iterator[Deployed]:
        """The files that a change writes over or deletes and that hold its DAG."""
        for name in sorted({change.file, *(other.file for other in change.replaces)}):
            item = self.file(change.environment, name)
            if item and item.dag_id == change.dag_id:
                yield item

    def applied(self, environment: str, file: str) -> Provenance | None:
        """Who last applied the DAG in this file, and when; None when it is not deployed."""
        found = self.file(environment, file)
        return found.record.provenance if found and found.record else None

    def file(self, environment: str, file: str) -> Deployed | None:
        """What is in this file; None when there is none."""
        return next((site.files.get(file) for site in self.sites if site.environment == environment), None)

    def body(self, environment: str, file: str) -> str:
        """A DAG file's text as it is deployed, without its record; empty when there is none.

        Raises DeployError when it cannot be read, or is gone since the target was listed.
        """
        if self.file(environment, file) is None:
            return ""
        try:
            content, _ = self.targets[environment].read(file)
        except TargetError as error:
            raise DeployError(Diagnostic("target", f"{environment}: {error}", hint=error.hint)) from error
        return record.body(content.decode(errors="replace"))


def survey(environments: Iterable[Environment], known: Collection[str], destroy: bool = False) -> DeployedState:
    """List every target once, and read what its index does not tell. Raises DeployError for all that fail.

    `known`: the manifests' addresses.
    """
    targets: dict[str, Target] = {}
    indexes: dict[str, Index] = {}
    sites: list[Site] = []
    problems: list[Diagnostic] = []
    for environment in environments:
        try:
            target = open_target(environment)
            index = read_index(target, environment.project, environment.name)
            sites.append(_look_at(environment, target, index, known, destroy))
            targets[environment.name], indexes[environment.name] = target, index
        except DeployError as error:
            problems += error.diagnostics
        except TargetError as error:
            problems.append(target_problem(environment, str(error), error.hint))
    if problems:
        raise DeployError(problems)
    return DeployedState(targets, tuple(sites), indexes)


def target_problem(environment: Environment, message: str, hint: str = "") -> Diagnostic:
    """A target that cannot be read or written, with the manifest line that names it."""
    return Diagnostic("target", message, environment.location, f"environments.{environment.name}.target", hint)


def _look_at(environment: Environment, target: Target, index: Index, known: Collection[str], destroy: bool) -> Site:
    return Site(
        environment=environment.name,
        project=environment.project,
        deployed=_deployed(target, index),
        known=frozenset(address for address in known if address.startswith(f"{environment.name}/")),
        remembered=index.remembered,
        destroy=destroy,
    )


def _deployed(target: Target, index: Index) -> tuple[Deployed, ...]:
    """What each file holds: by the index where that knows this very version, else read, all at once."""
    listed = target.list()
    cached = {} if target.local else {file: index.deployed(file, version) for file, version in listed.items()}
    found = {file: each for file, each in cached.items() if each is not None}
    read = target.read_many(file for file in listed if file not in found)
    found.update({file: understand(file, content, version) for file, (content, version) in read.items()})
    return tuple(found[file] for file in sorted(found))


def understand(file: str, content: bytes, version: str) -> Deployed:
    """What a file at a target holds."""
    try:
        text = content.decode()
        found = record.read(text)
    except UnicodeDecodeError:
        return Deployed(file, version, None, problem=f"{file} is there already and is not text in UTF-8")
    except record.RecordError as error:
        later = isinstance(error, record.LaterRecordError)
        return Deployed(file, version, None, problem=f"{file} cannot be read as one of ours: {error}", later=later)
    if found is None:
        return Deployed(file, version, None, stock=stock.read(text))
    return Deployed(file, version, found[0], intact=found[1])
