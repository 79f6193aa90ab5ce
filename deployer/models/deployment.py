"""A resolved deployment: one flow of the manifests in one environment, complete and frozen.

The settings are those of the registry (`deployer.manifest.keys`). All defaults are filled in and all variables
replaced. Paths have two forms: as written, which is compared, and resolved, which is opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, Field, JsonValue, SkipValidation

from deployer.errors import Location
from deployer.manifest.fields import ResolvedPath, Settings, setting
from deployer.manifest.keys import (
    Compute,
    EnvironmentSettings,
    FlowIdentity,
    FlowSettings,
    Retries,
    Schedule,
)
from deployer.manifest.pod_keys import ClusterAccess, PodSettings
from deployer.models.branches import NO_BRANCH, Branch, label_of

__all__ = [
    "ClusterAccess",
    "Compute",
    "DatastoreType",
    "Deployment",
    "Environment",
    "PodSettings",
    "ResolvedPath",
    "Retries",
    "Schedule",
    "described_settings",
]

DatastoreType = Literal["local", "s3", "gs", "azure"]


class Environment(EnvironmentSettings):
    """An environment of the manifests. `kubernetes` is the access to the cluster, without the settings of pods.

    `metaflow` are METAFLOW_* settings by full name, including those of a profile. `branches` are shell patterns of the
    git branches that it may be applied from; empty means any branch. With `check_cluster` each plan asks the cluster
    whether it accepts the pods, using the kubeconfig context `check_context`; no DAG depends on these two. `branch` is
    that of `defaults` and of the environment. `sources` are the locations of the settings that are written there.
    """

    name: str
    project: str
    datastore_type: DatastoreType
    metaflow: Mapping[str, str] = Field(default_factory=dict)
    kubernetes: ClusterAccess = Field(default_factory=ClusterAccess)
    check_cluster: bool = False
    check_context: ResolvedPath | None = None
    location: Location = Location("")
    sources: SkipValidation[Mapping[str, Location]] = Field(default_factory=dict)
    branch: Branch = NO_BRANCH

    def source(self, setting: str) -> Location:
        """The location of a setting, or of the environment's entry if the setting was not written there."""
        return self.sources.get(setting, self.location)

    @property
    def label(self) -> str:
        """What the files of mfdeploy at the target are named after: a branch beside the main one has its own."""
        return label_of(self.name, self.branch.name if self.branch.is_preview else "")

    def of_branch(self, name: str) -> Environment:
        """The same environment for another branch."""
        return self.model_copy(update={"branch": Branch(name, self.branch.main)})


class Deployment(FlowSettings, FlowIdentity):
    """One flow in one environment, as the manifests say (before its code is read).

    `schedule` is None if the manifests have none (the flow's own `@schedule` applies); a Schedule whose cron is None
    means no schedule. `parameters` override defaults (JSON values). `start_date` is a day (``2026-01-31``, UTC).
    `sources` maps a setting's dotted path (``retries.times``) to where it was written; a default of mfdeploy has no
    source. `entry` is the flow's resolved manifest entry as JSON values, for people to read in the DAG file.
    `own_branch` is the branch that is a part of the name in the orchestrator. `branch_dag_ids` are the DAG ids that the
    manifests write for flows of the environment, with what a branch makes of each.
    `flow_dag_ids` are those that they write by the class of the flow, as far as its file shows it, or empty where there
    are several. `project_folder` is the folder below which the project's flows lie; None where that is the manifest's
    own.
    """

    model_config = ConfigDict(populate_by_name=True)

    name: str
    environment: Environment
    location: Location
    own_branch: Branch = NO_BRANCH
    branch_dag_ids: Mapping[str, str] = Field(default_factory=dict)
    flow_dag_ids: Mapping[str, str] = Field(default_factory=dict)
    sources: SkipValidation[Mapping[str, Location]] = Field(default_factory=dict)
    entry: SkipValidation[Mapping[str, JsonValue]] = Field(default_factory=dict)
    project_folder: Path | None = None

    @property
    def address(self) -> str:
        """``environment/name``, unique in the manifests: the identifier in plans, options and messages."""
        return f"{self.environment.name}/{self.name}"

    @property
    def owner_branch(self) -> Branch:
        """The branch that the deployment belongs to: its own if that is a preview, else the environment's.

        A flow may have a branch of its own that is the same whoever deploys: it is a part of the name and no more.
        """
        return self.own_branch if self.own_branch.is_preview else self.environment.branch

    @property
    def metaflow_branch(self) -> str:
        """The branch of a flow with `@project`; empty for none."""
        return self.own_branch.safe_name or self.branch

    @property
    def base(self) -> Path:
        """The folder of the manifest that lists the flow; relative paths start there."""
        return Path(self.location.file).parent

    def pod_handling(self, step: str) -> dict[str, JsonValue]:
        """What the manifests say of the pods of a step beside what is in them: settings by their keys."""
        own = self.steps[step].handling() if step in self.steps else {}
        return {**self.kubernetes.handling(), **own}

    def source(self, path: str) -> Location:
        """The location of a setting, else of the first one below it, or of the flow's entry if none was written."""
        if path in self.sources:
            return self.sources[path]
        below = (location for name, location in self.sources.items() if name.startswith(f"{path}."))
        return next(below, self.location)


def described_settings(deployment: Deployment) -> dict[str, JsonValue]:
    """The settings that the section `settings` of the canonical description contains by value."""
    declared: tuple[tuple[type[Settings], Settings], ...] = (
        (FlowSettings, deployment),
        (EnvironmentSettings, deployment.environment),
    )
    found: dict[str, JsonValue] = {}
    for model, holder in declared:
        for name, field in model.model_fields.items():
            declaration, value = setting(model, name), getattr(holder, name)
            if not declaration.is_described_by_value:
                continue
            described = declaration.described(value)
            if not declaration.omit_default or described != declaration.described(
                field.get_default(call_default_factory=True)
            ):
                found[name] = described
    return found
