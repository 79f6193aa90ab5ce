"""The desired and the deployed state, which the planner compares."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pydantic import JsonValue
from pydantic.dataclasses import dataclass as checked_dataclass

from deployer.errors import Diagnostic, Severity
from deployer.models.branches import NO_BRANCH, Branch
from deployer.models.deployment import Deployment
from deployer.models.description import Description
from deployer.models.flow import Flow
from deployer.models.manifests import Manifests
from deployer.models.record import Record
from deployer.models.types import Name, Several


@dataclass(frozen=True)
class Desired:
    """One deployment with its compiled flow.

    `name` is its name in the orchestrator, `file` the name of its file at the target, `description` the canonical
    description that is compared.

    `compiled` is None if the description was cached and is still up to date, so that the flow was not compiled.
    `inputs` are notes of what the description was made from, if they were requested and are known.
    """

    deployment: Deployment
    compiled: Flow | None
    name: str
    file: str
    description: Description
    inputs: Mapping[str, Any] | None = None

    @property
    def flow(self) -> Flow:
        """The compiled flow. Raises ValueError if it was not compiled."""
        if self.compiled is None:
            raise ValueError(f"{self.deployment.address} was not compiled: nothing of it has changed")
        return self.compiled


@dataclass(frozen=True)
class DesiredState:
    """The selected deployments, compiled and described, with the manifests that they come from.

    `items` are those without an error; `broken` are the errors of each of the others by address, which `diagnostics`
    contain too.
    """

    manifests: Manifests
    items: tuple[Desired, ...]
    diagnostics: tuple[Diagnostic, ...]
    broken: Mapping[str, Sequence[Diagnostic]] = field(default_factory=dict)

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The diagnostics that refuse the command."""
        return tuple(item for item in self.diagnostics if item.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """The diagnostics that do not."""
        return tuple(item for item in self.diagnostics if item.severity is not Severity.ERROR)


@checked_dataclass(frozen=True)
class NativeDag:
    """A DAG file that Metaflow's own ``airflow create`` wrote, with what can be read from it.

    `cron` is the schedule as Airflow gets it (None: no schedule), `parameters` the default of each.
    """

    name: Name
    flow: Name
    cron: str | None
    parameters: Mapping[str, JsonValue]
    steps: Several[Name]
    production_token: Name | None


@dataclass(frozen=True)
class Deployed:
    """One file found at a target. `record` is None for a file that is not ours, or that cannot be read as ours.

    `version` is the target's own version of the file. `intact` is false if the file was edited after it was applied.
    `problem` is why its record cannot be used, and `later` is true if a later mfdeploy wrote it. `native` is set for a
    file of Metaflow's own command.
    """

    file: str
    version: str
    record: Record | None
    intact: bool = True
    problem: str = ""
    later: bool = False
    native: NativeDag | None = None

    @property
    def name(self) -> str | None:
        """The name of the DAG in the file; None if it cannot be read without running the file."""
        holder = self.record or self.native
        return holder.name if holder else None

    @property
    def production_token(self) -> str | None:
        """The production token of the DAG's runs; None if there is none or it is not known."""
        if self.native:
            return self.native.production_token
        return self.record.inputs.production_token if self.record and self.record.inputs else None


@dataclass(frozen=True)
class EnvironmentState:
    """One environment as the planner sees it.

    `known` are all its addresses in the manifests, selected or not. `remembered` maps the files that earlier applies
    wrote to their addresses; without it, a DAG whose file was removed by hand is planned as a new one. With `destroy`
    everything is deleted, whatever the manifests list. `branch` is that of the environment, `branches` are those of its
    addresses in the manifests.
    """

    environment: str
    project: str
    deployed: Sequence[Deployed]
    known: Collection[str]
    remembered: Mapping[str, str] = field(default_factory=dict)
    destroy: bool = False
    branch: Branch = NO_BRANCH
    branches: Mapping[str, Branch] = field(default_factory=dict)

    @cached_property
    def files(self) -> Mapping[str, Deployed]:
        """What is deployed, by file."""
        return {item.file: item for item in self.deployed}

    @cached_property
    def dags(self) -> Mapping[str, Sequence[Deployed]]:
        """What is deployed, by the name of the DAG."""
        found: dict[str, list[Deployed]] = {}
        for item in self.deployed:
            if item.name is not None:
                found.setdefault(item.name, []).append(item)
        return found

    def owns(self, item: Deployed) -> bool:
        """Whether this project deployed the file, in this environment and for a branch that the manifests give."""
        record = item.record
        if record is None or not record.is_owned_by(self.project, self.environment):
            return False
        if record.address in self.branches:
            return self.branches[record.address].owns(record.branch)
        listed = record.branch is not None and any(each.name == record.branch for each in self.branches.values())
        return listed or self.branch.owns(record.branch)


@dataclass(frozen=True)
class RestoredFile:
    """A DAG file as it was at an earlier time: its text without the record, and the record."""

    body: str
    record: Record
