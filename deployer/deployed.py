"""What is deployed: the records in the DAG files of the targets, read without running any of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from deployer import record
from deployer.errors import DeployError, Diagnostic
from deployer.index import Index, read_index
from deployer.models.deployment import Environment
from deployer.models.desired import Deployed
from deployer.models.record import Provenance, Record
from deployer.planner import Site
from deployer.targets import Target, TargetError
from deployer.targets.registry import open_target


@dataclass(frozen=True)
class DeployedState:
    """The targets of the environments that were looked at, and what each holds."""

    targets: Mapping[str, Target]
    sites: tuple[Site, ...]
    indexes: Mapping[str, Index] = field(default_factory=dict)

    def since(self, environment: str, file: str) -> datetime | None:
        """When the DAG in this file was first applied; None when it is not deployed."""
        found = self._record(environment, file)
        return datetime.fromisoformat(found.since) if found else None

    def applied(self, environment: str, file: str) -> Provenance | None:
        """Who last applied the DAG in this file, and when; None when it is not deployed."""
        found = self._record(environment, file)
        return found.provenance if found else None

    def _record(self, environment: str, file: str) -> Record | None:
        for site in self.sites:
            for item in site.deployed:
                if (site.environment, item.file) == (environment, file):
                    return item.record
        return None

    def body(self, environment: str, file: str) -> str:
        """A DAG file's text as it is deployed, without its record; empty when there is none. Raises TargetError."""
        site = next(site for site in self.sites if site.environment == environment)
        if all(item.file != file for item in site.deployed):
            return ""
        content, _ = self.targets[environment].read(file)
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
        found = record.read(content.decode())
    except UnicodeDecodeError:
        return Deployed(file, version, None, problem=f"{file} is there already and is not text in UTF-8")
    except record.RecordError as error:
        return Deployed(file, version, None, problem=f"{file} cannot be read as one of ours: {error}")
    if found is None:
        return Deployed(file, version, None)
    return Deployed(file, version, found[0], intact=found[1])
