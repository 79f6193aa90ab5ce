"""Surveys the targets: reads the record in each deployed file, without running the file."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from types import MappingProxyType
from typing import Protocol, TypeVar

from deployer.errors import DeployError, Diagnostic
from deployer.models.branches import Branch
from deployer.models.deployment import Environment
from deployer.models.desired import Deployed, EnvironmentState
from deployer.models.limits import PROJECTS_FILE
from deployer.models.plan import Change
from deployer.models.record import NEWEST_RUN_IDS, Provenance, RunIds
from deployer.models.target import Target, TargetError
from deployer.state.cache import CachedDescription, known_descriptions
from deployer.state.foreign import KnownNames
from deployer.state.index import Index, read_index

Input = TypeVar("Input")
Answer = TypeVar("Answer")
Branches = Mapping[str, Branch]
"""The branch of each deployment in the manifests, by address."""


@dataclass(frozen=True)
class DeployedState:
    """The surveyed environments, with the target and the deployed files of each."""

    targets: Mapping[str, Target]
    states: tuple[EnvironmentState, ...]
    indexes: Mapping[str, Index] = field(default_factory=dict)
    environments: Mapping[str, Environment] = field(default_factory=dict)
    readers: Mapping[str, FileReader] = field(default_factory=dict)
    names: Mapping[str, KnownNames] = field(default_factory=dict)
    """By environment what is known of the files of others; whoever reads such a file adds what it defines."""
    projects_files: Mapping[str, bytes] = field(default_factory=dict)
    """By environment the projects file at its target; nothing where there is none, or where it was not asked for."""

    def since(self, change: Change) -> datetime | None:
        """When the DAG of a change was first applied, in whichever file it is now; None if it is not deployed."""
        for item in self.holding(change):
            if item.record and item.record.since:
                return datetime.fromisoformat(item.record.since)
        return None

    def run_ids(self, change: Change) -> RunIds:
        """The way in which the DAG of a change makes the ids of its runs; the newest one if it is not deployed."""
        records = [item.record for item in self.holding(change) if item.record]
        return records[0].run_ids if records else NEWEST_RUN_IDS

    def holding(self, change: Change) -> Iterator[Deployed]:
        """The files with the DAG of a change that the change overwrites or deletes."""
        for name in sorted({change.file, *(other.file for other in change.replaces)}):
            item = self.file(change.environment, name)
            if item and item.name == change.name:
                yield item

    def applied(self, environment: str, file: str) -> Provenance | None:
        """Who last applied the DAG in this file, and when; None if it is not deployed."""
        found = self.file(environment, file)
        return found.record.provenance if found and found.record else None

    def file(self, environment: str, file: str) -> Deployed | None:
        """The deployed file of this name; None if there is none."""
        return next((state.files.get(file) for state in self.states if state.environment == environment), None)

    @property
    def addresses(self) -> Collection[str]:
        """The addresses in all records, whoever owns them."""
        return {item.record.address for state in self.states for item in state.deployed if item.record}

    @property
    def own_addresses(self) -> Collection[str]:
        """The addresses in the records of what is ours."""
        found = ((state, item) for state in self.states for item in state.deployed)
        return {item.record.address for state, item in found if item.record and state.owns(item)}

    def body(self, environment: str, file: str) -> str:
        """The text of a deployed file without its record; empty if there is no such file.

        Raises DeployError if it cannot be read, or was deleted after the target was listed.
        """
        if self.file(environment, file) is None:
            return ""
        try:
            content, _ = self.targets[environment].read(file)
        except TargetError as error:
            raise DeployError(target_problem(self.environments[environment], str(error), error.hint)) from error
        return self.readers[environment].body_of(content.decode(errors="replace"))


class FileReader(Protocol):
    """Reads the files of an environment: the part of an orchestrator that a survey needs."""

    @property
    def file_pattern(self) -> str:
        """The shell pattern of the files to read."""

    def file_of(self, name: str) -> str:
        """The name of the file for the deployment of that name."""

    def read(self, file: str, content: bytes, version: str) -> Deployed:
        """Parse the content of a file."""

    def body_of(self, text: str) -> str:
        """The text of a file without its record."""


Connect = Callable[[Environment], tuple[Target, FileReader]]
"""Gives the target of an environment and the reader of its files. Raises DeployError."""


@dataclass(frozen=True)
class _Listing:
    """The listing of one target: the version of each file, and the files whose content is already known."""

    environment: Environment
    target: Target
    reader: FileReader
    index: Index
    versions: Mapping[str, str]
    known_files: Mapping[str, Deployed]
    projects: bytes | None = None


class Survey:
    """Reads what is deployed in two steps, so that the caller can start other work between them.

    `cached` lists the targets; `read` reads the files that their indexes do not know, which may take long. Neither
    raises: after `read`, `result` is what is deployed, or None if there are `problems`.
    """

    def __init__(
        self,
        environments: Iterable[Environment],
        connect: Connect,
        known: Collection[str],
        *,
        destroy: bool = False,
        fresh: bool = False,
        branches: Branches = MappingProxyType({}),
        limits: bool = False,
    ) -> None:
        """`known` are the addresses of the manifests; `destroy` is true if everything is to be deleted.

        With `fresh` every file is read, and no index is asked what is in it. `branches` is the branch of each
        address in the manifests. With `limits` the projects file of each target is read, too.
        """
        self._environments = tuple(environments)
        self._connect = connect
        self._known = frozenset(known)
        self._destroy = destroy
        self._fresh = fresh
        self._branches = branches
        self._limits = limits
        self.problems: Sequence[Diagnostic] = ()

    def cached(self) -> Mapping[str, CachedDescription]:
        """The descriptions whose inputs an earlier apply noted in the index of their environment, by address."""
        found: dict[str, CachedDescription] = {}
        for listing in self._listed:
            file_of, owns = listing.reader.file_of, self._state(listing, ()).owns
            ours = [item for item in listing.known_files.values() if owns(item)]
            found.update(known_descriptions(listing.environment.name, ours, listing.index.entries, file_of))
        return found

    def read(self) -> None:
        """Read everything that is deployed, once."""
        _ = self.result

    @cached_property
    def result(self) -> DeployedState | None:
        """What is deployed; None if there are problems."""
        listed = self._listed
        if self.problems:
            return None
        try:
            states = tuple(_for_each(((listing.environment, listing) for listing in listed), self._surveyed))
        except DeployError as error:
            self.problems = error.diagnostics
            return None
        by_name = {listing.environment.name: listing for listing in listed}
        return DeployedState(
            targets={name: listing.target for name, listing in by_name.items()},
            states=states,
            indexes={name: listing.index for name, listing in by_name.items()},
            environments={name: listing.environment for name, listing in by_name.items()},
            readers={name: listing.reader for name, listing in by_name.items()},
            names={name: listing.index.names for name, listing in by_name.items()},
            projects_files={
                name: listing.projects for name, listing in by_name.items() if listing.projects is not None
            },
        )

    @cached_property
    def _listed(self) -> tuple[_Listing, ...]:
        try:
            return tuple(_for_each(((environment, environment) for environment in self._environments), self._list))
        except DeployError as error:
            self.problems = error.diagnostics
            return ()

    def _list(self, environment: Environment) -> _Listing:
        target, reader = self._connect(environment)
        index = read_index(target, environment.project, environment.label)
        if self._fresh:
            index = index.without_content()
        versions = dict(target.list(reader.file_pattern, *([PROJECTS_FILE] if self._limits else ())))
        is_there = versions.pop(PROJECTS_FILE, None) is not None
        # What is local is asked in any case: a listing leaves out a link that leads nowhere, and a read does not.
        projects = read_projects_content(target) if self._limits and (is_there or target.local) else None
        if target.local:
            return _Listing(environment, target, reader, index, versions, _read(target, reader, versions), projects)
        known_files = {file: index.deployed(file, version) for file, version in versions.items()}
        found = {file: item for file, item in known_files.items() if item}
        return _Listing(environment, target, reader, index, versions, found, projects)

    def _surveyed(self, listed: _Listing) -> EnvironmentState:
        return self._state(listed, _deployed(listed))

    def _state(self, listed: _Listing, deployed: Sequence[Deployed]) -> EnvironmentState:
        environment = listed.environment
        return EnvironmentState(
            environment=environment.name,
            project=environment.project,
            deployed=deployed,
            known=frozenset(address for address in self._known if address.startswith(f"{environment.name}/")),
            remembered=listed.index.remembered,
            destroy=self._destroy,
            branch=environment.branch,
            branches={name: each for name, each in self._branches.items() if name.startswith(f"{environment.name}/")},
        )


def survey(
    environments: Iterable[Environment],
    connect: Connect,
    known: Collection[str],
    *,
    destroy: bool = False,
    fresh: bool = False,
    branches: Branches = MappingProxyType({}),
    limits: bool = False,
) -> DeployedState:
    """List every target once and read the files that its index does not know. Raises DeployError with all problems.

    The arguments are those of `Survey`.
    """
    found = Survey(environments, connect, known, destroy=destroy, fresh=fresh, branches=branches, limits=limits)
    if found.result is None:
        raise DeployError(found.problems)
    return found.result


def read_projects_content(target: Target) -> bytes | None:
    """The projects file of a target; None if there is none. Raises TargetError."""
    found = target.read_many([PROJECTS_FILE]).get(PROJECTS_FILE)
    return found[0] if found else None


def _for_each(inputs: Iterable[tuple[Environment, Input]], ask: Callable[[Input], Answer]) -> list[Answer]:
    found: list[Answer] = []
    problems: list[Diagnostic] = []
    for environment, value in inputs:
        try:
            found.append(ask(value))
        except DeployError as error:
            problems += error.diagnostics
        except TargetError as error:
            problems.append(target_problem(environment, str(error), error.hint))
    if problems:
        raise DeployError(problems)
    return found


def target_problem(environment: Environment, message: str, hint: str = "") -> Diagnostic:
    """A problem of a target, at the manifest line that sets the target."""
    return Diagnostic("target", message, environment.source("target"), f"environments.{environment.name}.target", hint)


def _deployed(listed: _Listing) -> tuple[Deployed, ...]:
    """The content of each file: from the index if it knows this version, else read from the target in one batch."""
    rest = [file for file in listed.versions if file not in listed.known_files]
    # The files of a folder were read with the listing: one that is not known was removed since.
    found = {**listed.known_files, **({} if listed.target.local else _read(listed.target, listed.reader, rest))}
    return tuple(found[file] for file in sorted(found))


def _read(target: Target, reader: FileReader, files: Iterable[str]) -> dict[str, Deployed]:
    found = target.read_many(files)
    return {file: reader.read(file, content, version) for file, (content, version) in found.items()}
