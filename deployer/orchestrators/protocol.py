"""What the program needs of whatever runs flows: Airflow, or another scheduler that is deployed to by files.

An orchestrator is one object with these members and one line in `registry.py`; see docs/adding-an-orchestrator.md. It
knows its own file format and its own rules, and nothing of manifests as YAML, of targets, or of Metaflow's classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from deployer.errors import Diagnostic
from deployer.models.deployment import Deployment, Schedule
from deployer.models.description import Description
from deployer.models.description import Schedule as DescribedSchedule
from deployer.models.desired import Deployed
from deployer.models.flow import Flow, Package
from deployer.models.plan import Change, Effect
from deployer.models.record import Record


class Orchestrator(Protocol):
    """One kind of scheduler. All methods are pure: the same arguments give the same result on every machine."""

    @property
    def name(self) -> str:
        """The word for it in a manifest (``orchestrator: airflow``)."""

    @property
    def file_pattern(self) -> str:
        """A pattern of `fnmatch` that all file names of `file_of` match; only such files of a target are looked at."""

    @property
    def renderer_version(self) -> int:
        """Counts up when the same description would give a deployment that behaves differently."""

    @property
    def own_settings(self) -> frozenset[str]:
        """The settings of the manifest that only this orchestrator has, by their names in the manifest."""

    @property
    def task_variables(self) -> frozenset[str]:
        """The environment variables that each task gets from it: a step's `@environment` must not set them."""

    def check(self, deployment: Deployment, flow: Flow) -> Sequence[Diagnostic]:
        """Every reason why the flow cannot be run as the manifests say, with its line and what to do instead."""

    def name_of(self, deployment: Deployment, flow: Flow) -> str:
        """What the deployment is called there, unique at a target (Airflow: the DAG id)."""

    def file_of(self, name: str) -> str:
        """The name of the file at a target that holds the deployment of that name."""

    def schedule_of(self, deployment: Deployment, flow: Flow) -> Schedule | None:
        """The schedule as it is deployed, translated to a cron of five fields; None for no schedule.

        Raises DeployError for one that cannot be translated; `check` reports that one.
        """

    def next_runs(self, schedule: DescribedSchedule, now: datetime, count: int = 3) -> Sequence[str]:
        """When a described schedule starts its next `count` runs after `now` (aware), as ISO 8601; none without one."""

    def pods(self, deployment: Deployment, flow: Flow) -> Mapping[str, Mapping[str, Any]]:
        """The pod (manifest of the Kubernetes API) of each step by its name, as far as it is known before a run."""

    def render(
        self, deployment: Deployment, flow: Flow, package: Package, since: datetime | None, commit: str | None
    ) -> str:
        """The file's text without its record, ending with a newline: the same text for the same arguments.

        `since` is when the deployment was first applied (aware; None if it never was), `commit` the commit of its code.
        """

    def embed(self, body: str, record: Record) -> str:
        """The whole file: a rendered text and the record that is read back by `read`."""

    def is_too_large(self, description: Description) -> bool:
        """Whether a record with this description might be more than `read` takes."""

    def body_of(self, text: str) -> str:
        """A file's text without its record; all of it where it has none."""

    def read(self, file: str, content: bytes, version: str) -> Deployed:
        """What a file at a target holds, read as data: nothing of it is run. Raises nothing, whatever is in it.

        `version` is the target's version of the file and passed through.
        """

    def names_in(self, content: bytes) -> Iterable[str]:
        """The names that any file of this kind defines, whoever wrote it, as far as they are literals."""

    def effects(self, change: Change, since: datetime | None, now: datetime) -> Sequence[Effect]:
        """What a change does to runs, as of `now`; none for a change that writes nothing.

        `since` is when the deployment was first applied (aware; None if it never was).
        """
