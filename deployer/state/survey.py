"""What is deployed: the records in the DAG files of the targets, read without running any of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from deployer.errors import DeployError, Diagnostic
from deployer.models.deployment import Environment
from deployer.models.desired import Deployed, EnvironmentState
from deployer.models.plan import Change
from deployer.models.record import Provenance
from deployer.models.target import Target, TargetError
from deployer.orchestrators.airflow import native_dag as stock
from deployer.orchestrators.airflow import record
from deployer.state.index import Index, read_index
from deployer.targets.registry import open_target
from deployer.vcs.git import Git

Each = TypeVar("Each")
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class DeployedState:
    """The targets of the environments that were looked at, and what each holds."""

    targets: Mapping[str, Target]
    sites: tuple[EnvironmentState, ...]
    indexes: Mapping[str, Index] = field(default_factory=dict)
    environments: Mapping[str, Environment] = field(default_factory=dict)

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

    @property
    def addresses(self) -> Collection[str]:
        """What the records say that is deployed, whoever it belongs to."""
        return {item.record.address for site in self.sites for item in site.deployed if item.record}

    def body(self, environment: str, file: str) -> str:
        """A DAG file's text as it is deployed, without its record; empty when there is none.

        Raises DeployError when it cannot be read, or is gone since the target was listed.
        """
        if self.file(environment, file) is None:
            return ""
        try:
            content, _ = self.targets[environment].read(file)
        except TargetError as error:
            raise DeployError(target_problem(self.environments[environment], str(error), error.hint)) from error
        return record.body(content.decode(errors="replace"))


@dataclass(frozen=True)
class _Listed:
    """An environment's target as it is listed: version by file, and those files of which it is known what they hold."""

    environment: Environment
    target: Target
    index: Index
    versions: Mapping[str, str]
    told: Mapping[str, Deployed]


class Survey:
    """What the environments' targets hold, found out in two steps: `begin` and then `finish`, which may take long.

    Each asks for all of them, and raises DeployError for all that fail.
    """

    def __init__(self, environments: Iterable[Environment], known: Collection[str], destroy: bool = False) -> None:
        """`known`: the manifests' addresses."""
        self._environments = tuple(environments)
        self._known = frozenset(known)
        self._destroy = destroy
        self._listed: tuple[_Listed, ...] = ()

    def begin(self) -> None:
        """List every target once, and read its index."""
        self._listed = tuple(_for_each(((each, each) for each in self._environments), _list))

    def told(self) -> Iterator[tuple[str, Collection[Deployed], Index]]:
        """By environment, what is known of its files before they are read, and its index."""
        for each in self._listed:
            yield each.environment.name, each.told.values(), each.index

    def finish(self) -> DeployedState:
        """Read what the indexes do not tell."""
        sites = tuple(_for_each(((each.environment, each) for each in self._listed), self._site))
        by_name = {each.environment.name: each for each in self._listed}
        return DeployedState(
            targets={name: each.target for name, each in by_name.items()},
            sites=sites,
            indexes={name: each.index for name, each in by_name.items()},
            environments={name: each.environment for name, each in by_name.items()},
        )

    def _site(self, listed: _Listed) -> EnvironmentState:
        environment = listed.environment
        return EnvironmentState(
            environment=environment.name,
            project=environment.project,
            deployed=_deployed(listed),
            known=frozenset(address for address in self._known if address.startswith(f"{environment.name}/")),
            remembered=listed.index.remembered,
            destroy=self._destroy,
        )


def survey(environments: Iterable[Environment], known: Collection[str], destroy: bool = False) -> DeployedState:
    """List every target once, and read what its index does not tell. Raises DeployError for all that fail.

    `known`: the manifests' addresses.
    """
    found = Survey(environments, known, destroy)
    found.begin()
    return found.finish()


def _for_each(places: Iterable[tuple[Environment, Each]], ask: Callable[[Each], Answer]) -> list[Answer]:
    found: list[Answer] = []
    problems: list[Diagnostic] = []
    for environment, each in places:
        try:
            found.append(ask(each))
        except DeployError as error:
            problems += error.diagnostics
        except TargetError as error:
            problems.append(target_problem(environment, str(error), error.hint))
    if problems:
        raise DeployError(problems)
    return found


def target_problem(environment: Environment, message: str, hint: str = "") -> Diagnostic:
    """A target that cannot be read or written, with the manifest line that names it."""
    return Diagnostic("target", message, environment.location, f"environments.{environment.name}.target", hint)


def _list(environment: Environment) -> _Listed:
    target = open_target(environment, os.environ, Git(os.environ))
    index = read_index(target, environment.project, environment.name)
    versions = target.list()
    if target.local:
        return _Listed(environment, target, index, versions, _read(target, versions))
    told = {file: index.deployed(file, version) for file, version in versions.items()}
    return _Listed(environment, target, index, versions, {file: each for file, each in told.items() if each})


def _deployed(listed: _Listed) -> tuple[Deployed, ...]:
    """What each file holds: by the index where that knows this very version, else read, all at once."""
    rest = [file for file in listed.versions if file not in listed.told]
    # A folder's files have been read already: what is not told was removed meanwhile.
    found = {**listed.told, **({} if listed.target.local else _read(listed.target, rest))}
    return tuple(found[file] for file in sorted(found))


def _read(target: Target, files: Iterable[str]) -> dict[str, Deployed]:
    read = target.read_many(files)
    return {file: understand(file, content, version) for file, (content, version) in read.items()}


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
