"""What should be deployed and what is: the two sides that the planner compares."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pydantic import JsonValue
from pydantic.dataclasses import dataclass as checked_dataclass

from deployer.errors import Diagnostic, Severity
from deployer.models.deployment import Deployment
from deployer.models.description import Description
from deployer.models.flow import Flow
from deployer.models.manifests import Manifests
from deployer.models.record import Record
from deployer.models.types import Name, Several


@dataclass(frozen=True)
class Desired:
    """One deployment with its compiled flow.

    `name` is what the orchestrator calls it, `file` the name of its file at the target, `description` the canonical
    description that is compared.

    `compiled` is None where nothing has changed since the description was made, so that the flow was not compiled.
    `inputs` are notes of what the description was made from, where they were asked for and are known.
    """

    deployment: Deployment
    compiled: Flow | None
    name: str
    file: str
    description: Description
    inputs: Mapping[str, Any] | None = None

    @property
    def flow(self) -> Flow:
        """The compiled flow. Raises ValueError where it was not compiled."""
        if self.compiled is None:
            raise ValueError(f"{self.deployment.address} was not compiled: nothing of it has changed")
        return self.compiled


@dataclass(frozen=True)
class DesiredState:
    """The selected deployments, compiled and described, with the manifests that they come from."""

    manifests: Manifests
    items: tuple[Desired, ...]
    diagnostics: tuple[Diagnostic, ...]

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """What refuses the command."""
        return tuple(item for item in self.diagnostics if item.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What does not."""
        return tuple(item for item in self.diagnostics if item.severity is not Severity.ERROR)


@checked_dataclass(frozen=True)
class NativeDag:
    """A DAG file that Metaflow's own ``airflow create`` wrote, as far as it says what it is.

    `cron` is as Airflow gets it (None: no schedule), `parameters` the default of each.
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

    `version` is the target's own version of the file, `intact` says that the body still is what the record was made
    for, `problem` why a record that is there cannot be used; `later` that a later mfdeploy wrote it. `native` is given
    for a file of Metaflow's own command.
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
        """The name of the DAG in the file; None where that cannot be read without running it."""
        holder = self.record or self.native
        return holder.name if holder else None

    @property
    def production_token(self) -> str | None:
        """The namespace of the DAG's runs; None where it has none, or where that is not known."""
        if self.native:
            return self.native.production_token
        return self.record.inputs.production_token if self.record and self.record.inputs else None


@dataclass(frozen=True)
class EnvironmentState:
    """One environment as the planner sees it.

    `known` are all addresses of the manifests in it, selected or not; `remembered` maps the files that an earlier apply
    left at the target to their addresses (it may be empty: then a file that was removed by hand looks new). `destroy`
    says that everything is to go, whatever the manifests list.
    """

    environment: str
    project: str
    deployed: Sequence[Deployed]
    known: Collection[str]
    remembered: Mapping[str, str] = field(default_factory=dict)
    destroy: bool = False

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
        """Whether this project deployed the file, in this environment."""
        return item.record is not None and item.record.is_owned_by(self.project, self.environment)


@dataclass(frozen=True)
class RestoredFile:
    """A file of ours as it was at an earlier time: its text without the record, and the record."""

    body: str
    record: Record
