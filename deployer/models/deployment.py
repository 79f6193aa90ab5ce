"""A resolved deployment: one flow of the manifests in one environment, complete and frozen.

Everything is decided here: no defaults are left to fill in, no variables to replace. Paths are given twice, as
written (for what is compared) and resolved (for what is opened).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from deployer.errors import Location

Compute = Literal["local", "kubernetes"]
DatastoreType = Literal["local", "s3", "gs", "azure"]


@dataclass(frozen=True)
class ResolvedPath:
    """A folder or URL: `written` as in the manifest, `resolved` as this machine reaches it (absolute path, URL)."""

    written: str
    resolved: str


@dataclass(frozen=True)
class Environment:
    """An environment of the manifests. `kubernetes` holds the cluster access settings, not those of pods.

    `metaflow` are METAFLOW_* settings by full name, a named profile already read in. `branches` are shell patterns of
    the git branches that it may be applied from; none means any. `check_cluster` says that each plan asks the cluster
    for the pods, `check_context` by which context of the kubeconfig here; no DAG depends on them.
    """

    name: str
    project: str
    target: ResolvedPath
    compute: Compute
    datastore: ResolvedPath
    datastore_type: DatastoreType
    production: bool = False
    protect: bool = False
    branches: tuple[str, ...] = ()
    metaflow: Mapping[str, str] = field(default_factory=dict)
    kubernetes: Mapping[str, Any] = field(default_factory=dict)
    location: Location = field(default_factory=lambda: Location(""))
    check_cluster: bool = False
    check_context: str | None = None
    orchestrator: str = "airflow"


@dataclass(frozen=True)
class Schedule:
    """A schedule of the manifest: `cron` as written (or hourly, daily, weekly); None for none at all."""

    cron: str | None
    timezone: str | None


@dataclass(frozen=True)
class Deployment:
    """One flow in one environment, as the manifests say (before its code is looked at).

    `schedule` is None where the manifests say nothing (the flow's own `@schedule` holds); a Schedule whose cron is
    None means no schedule. `parameters` override defaults (JSON values). `retries` is `(times, minutes_between)`,
    `start_date` a day (``2026-01-31``, UTC).
    `sources` maps a setting's dotted path (``retries.times``) to where it was written; a setting that is mfdeploy's own
    default has none. `entry` is the flow's resolved manifest entry as YAML-able data, for people to read in the DAG.
    """

    name: str
    environment: Environment
    file: ResolvedPath
    location: Location
    class_name: str | None = None
    dag_id: str | None = None
    python: ResolvedPath | None = None
    branch: str = ""
    schedule: Schedule | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    retries: tuple[int, float] | None = None
    max_workers: int = 100
    max_active_runs: int = 16
    catchup: bool = False
    start_date: str | None = None
    tags: tuple[str, ...] = ()
    decorators: tuple[str, ...] = ()
    namespace: str | None = None
    workflow_timeout: int | None = None
    worker_pool: str | None = None
    paused: bool | None = None
    description: str | None = None
    owner: str = ""
    package_environment: str = "local"
    package_suffixes: tuple[str, ...] = ()
    config_values: Mapping[str, Any] = field(default_factory=dict)
    config_files: Mapping[str, ResolvedPath] = field(default_factory=dict)
    kubernetes: Mapping[str, Any] = field(default_factory=dict)
    steps: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    sources: Mapping[str, Location] = field(default_factory=dict)
    entry: Mapping[str, Any] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """``environment/name``, unique in the manifests: how plans, options and messages name it."""
        return f"{self.environment.name}/{self.name}"

    @property
    def base(self) -> Path:
        """The folder of the manifest that names the flow; relative paths start there."""
        return Path(self.location.file).parent

    def source(self, path: str) -> Location:
        """Where a setting was written, or the flow's entry where it was not."""
        return self.sources.get(path, self.location)
