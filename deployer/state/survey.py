"""What is deployed: the records in the files of the targets, read without running any of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Protocol, TypeVar

from deployer.errors import DeployError, Diagnostic
from deployer.models.deployment import Environment
from deployer.models.desired import Deployed, EnvironmentState
from deployer.models.plan import Change
from deployer.models.record import Provenance
from deployer.models.target import Target, TargetError
from deployer.state.cache import CachedDescription, known_descriptions
from deployer.state.index import Index, read_index

Each = TypeVar("Each")
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class DeployedState:
    """The targets of the environments that were looked at, and what each holds."""

    targets: Mapping[str, Target]
    sites: tuple[EnvironmentState, ...]
    indexes: Mapping[str, Index] = field(default_factory=dict)
    environments: Mapping[str, Environment] = field(default_factory=dict)
    readers: Mapping[str, FileReader] = field(default_factory=dict)

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
            if item and item.name == change.name:
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
        """A file's text as it is deployed, without its record; empty when there is none.

        Raises DeployError when it cannot be read, or is gone since the target was listed.
        """
        if self.file(environment, file) is None:
            return ""
        try:
            content, _ = self.targets[environment].read(file)
        except TargetError as error:
            raise DeployError(target_problem(self.environments[environment], str(error), error.hint)) from error
        return self.readers[environment].body_of(content.decode(errors="replace"))


class FileReader(Protocol):
    """What reads the files of an environment: the part of an orchestrator that a survey needs."""

    @property
    def file_pattern(self) -> str:
        """Which files of a target are looked at."""

    def file_of(self, name: str) -> str:
        """The file that holds the deployment of that name."""

    def read(self, file: str, content: bytes, version: str) -> Deployed:
        """What a file holds."""

    def body_of(self, text: str) -> str:
        """A file's text without its record."""


Connect = Callable[[Environment], tuple[Target, FileReader]]
"""The target of an environment, and what reads its files. Raises DeployError."""


@dataclass(frozen=True)
class _Listed:
    """An environment's target as it is listed: version by file, and those files of which it is known what they hold."""

    environment: Environment
    target: Target
    reader: FileReader
    index: Index
    versions: Mapping[str, str]
    told: Mapping[str, Deployed]


class Survey:
    """What the environments' targets hold, found out in two steps, so that a caller can do something between them.

    `cached` lists the targets; `read` reads what their indexes do not tell, which may take long. Neither raises: after
    `read`, `result` is what is deployed, or None where `problems` say why that is not known.
    """

    def __init__(
        self, environments: Iterable[Environment], connect: Connect, known: Collection[str], destroy: bool = False
    ) -> None:
        """`known` are the addresses of the manifests; `destroy` says that everything is to go."""
        self._environments = tuple(environments)
        self._connect = connect
        self._known = frozenset(known)
        self._destroy = destroy
        self.problems: Sequence[Diagnostic] = ()

    def cached(self) -> Mapping[str, CachedDescription]:
        """By address, the descriptions whose inputs an earlier apply noted in the index of their environment."""
        found: dict[str, CachedDescription] = {}
        for each in self._listed:
            file_of = each.reader.file_of
            found.update(known_descriptions(each.environment.name, each.told.values(), each.index.entries, file_of))
        return found

    def read(self) -> None:
        """Read all that is deployed, unless that was done."""
        _ = self.result

    @cached_property
    def result(self) -> DeployedState | None:
        """What is deployed."""
        listed = self._listed
        if self.problems:
            return None
        try:
            sites = tuple(_for_each(((each.environment, each) for each in listed), self._state))
        except DeployError as error:
            self.problems = error.diagnostics
            return None
        by_name = {each.environment.name: each for each in listed}
        return DeployedState(
            targets={name: each.target for name, each in by_name.items()},
            sites=sites,
            indexes={name: each.index for name, each in by_name.items()},
            environments={name: each.environment for name, each in by_name.items()},
            readers={name: each.reader for name, each in by_name.items()},
        )

    @cached_property
    def _listed(self) -> tuple[_Listed, ...]:
        try:
            return tuple(_for_each(((each, each) for each in self._environments), self._list))
        except DeployError as error:
            self.problems = error.diagnostics
            return ()

    def _list(self, environment: Environment) -> _Listed:
        target, reader = self._connect(environment)
        index = read_index(target, environment.project, environment.name)
        versions = target.list(reader.file_pattern)
        if target.local:
            return _Listed(environment, target, reader, index, versions, _read(target, reader, versions))
        told = {file: index.deployed(file, version) for file, version in versions.items()}
        return _Listed(
            environment, target, reader, index, versions, {file: each for file, each in told.items() if each}
        )

    def _state(self, listed: _Listed) -> EnvironmentState:
        environment = listed.environment
        return EnvironmentState(
            environment=environment.name,
            project=environment.project,
            deployed=_deployed(listed),
            known=frozenset(address for address in self._known if address.startswith(f"{environment.name}/")),
            remembered=listed.index.remembered,
            destroy=self._destroy,
        )


def survey(
    environments: Iterable[Environment], connect: Connect, known: Collection[str], destroy: bool = False
) -> DeployedState:
    """List every target once, and read what its index does not tell. Raises DeployError for all that fail.

    `known`: the manifests' addresses.
    """
    found = Survey(environments, connect, known, destroy)
    if found.result is None:
        raise DeployError(found.problems)
    return found.result


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


def _deployed(listed: _Listed) -> tuple[Deployed, ...]:
    """What each file holds: by the index where that knows this very version, else read, all at once."""
    rest = [file for file in listed.versions if file not in listed.told]
    # A folder's files have been read already: what is not told was removed meanwhile.
    found = {**listed.told, **({} if listed.target.local else _read(listed.target, listed.reader, rest))}
    return tuple(found[file] for file in sorted(found))


def _read(target: Target, reader: FileReader, files: Iterable[str]) -> dict[str, Deployed]:
    found = target.read_many(files)
    return {file: reader.read(file, content, version) for file, (content, version) in found.items()}
