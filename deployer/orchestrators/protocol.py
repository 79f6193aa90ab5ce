"""The interface of an orchestrator: Airflow, or another scheduler that flows are deployed to as files.

An orchestrator is one object with these members and one line in `registry.py`; see docs/adding-an-orchestrator.md. It
knows its own file format and rules. It does not know YAML, targets or Metaflow's classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from deployer.errors import Diagnostic
from deployer.forecasting.jobs import Assumptions, Job
from deployer.models.deployment import Deployment, Environment, Schedule
from deployer.models.description import Description
from deployer.models.description import Schedule as DescribedSchedule
from deployer.models.desired import Deployed
from deployer.models.flow import Flow, Package
from deployer.models.limits import Use
from deployer.models.live import Live, Needs
from deployer.models.local_server import LocalOrchestrator
from deployer.models.plan import Change, Effect
from deployer.models.record import Origin, Record, RunIds
from deployer.models.waiting import WaitPolicy


class Orchestrator(Protocol):
    """One kind of scheduler. All methods are pure: the same arguments give the same result on every machine."""

    @property
    def name(self) -> str:
        """Its name in a manifest (``orchestrator: airflow``)."""

    @property
    def file_pattern(self) -> str:
        """An `fnmatch` pattern that every file name of `file_of` matches. Other files of a target are ignored."""

    @property
    def renderer_version(self) -> int:
        """To be increased when the same description gives a deployment that behaves differently."""

    @property
    def own_settings(self) -> frozenset[str]:
        """The names of the manifest settings that only this orchestrator has."""

    @property
    def task_variables(self) -> frozenset[str]:
        """The environment variables that it sets for each task. A step's `@environment` must not set them."""

    def check(self, deployment: Deployment, flow: Flow) -> Sequence[Diagnostic]:
        """Every reason why the flow cannot be deployed as the manifests say, with its location and a hint."""

    def name_of(self, deployment: Deployment, flow: Flow) -> str:
        """The name of the deployment in the orchestrator, unique at a target (Airflow: the DAG id)."""

    def in_branch(self, deployment: Deployment, flow: Flow) -> Flow:
        """The flow with the names of other deployments in its code as they are in the deployment's branch."""

    def file_of(self, name: str) -> str:
        """The name of the deployment's file at a target."""

    def schedule_of(self, deployment: Deployment, flow: Flow) -> Schedule | None:
        """The schedule as it is deployed, translated to a cron of five fields; None for no schedule.

        Raises DeployError for a schedule that cannot be translated; `check` reports it too.
        """

    def next_runs(self, schedule: DescribedSchedule, now: datetime, count: int = 3) -> Sequence[str]:
        """The times (ISO 8601) of the next `count` runs after `now` (aware); empty without a schedule."""

    def minutes_between_runs(self, schedule: DescribedSchedule) -> int | None:
        """The least number of minutes between two runs of a schedule, at most 60; None without a schedule."""

    def start_times(self, schedule: DescribedSchedule, begin: datetime, until: datetime) -> Sequence[int]:
        """All times of a schedule (Unix seconds, ascending) from `begin` on and before `until`, both aware.

        None without a cron, and where it is not valid.
        """

    def with_minute(self, schedule: DescribedSchedule, minute: int) -> str | None:
        """The cron of a schedule with another minute of the hour; None unless it has a single one."""

    def job(self, name: str, description: Description, assumed: Assumptions) -> Job:
        """What a run of a deployment does, for a forecast: groups of tasks and the limits on them, without starts."""

    def pods(self, deployment: Deployment, flow: Flow) -> Mapping[str, Mapping[str, Any]]:
        """The pod (manifest of the Kubernetes API) of each step by step name, as far as it is known before a run."""

    def render(
        self,
        deployment: Deployment,
        flow: Flow,
        package: Package,
        since: datetime | None,
        origin: Origin,
        run_ids: RunIds,
    ) -> str:
        """The file without its record, ending with a newline. The same arguments give the same text.

        `since` is when the deployment was first applied (aware; None if it never was), `origin` says where
        it comes from. `run_ids` is the way in which it makes the ids of its runs, which it keeps
        for as long as it is deployed.
        """

    def embed(self, body: str, record: Record) -> str:
        """The complete file: the rendered `body` with the record, which `read` reads back."""

    def is_too_large(self, description: Description) -> bool:
        """Whether a record with this description might be too large for `read`."""

    def body_of(self, text: str) -> str:
        """A file's text without its record; the whole text if it has none."""

    def read(self, file: str, content: bytes, version: str) -> Deployed:
        """The content of a file at a target. The file is never executed, and no content makes this method raise.

        `version` is the target's version of the file. It becomes part of the result.
        """

    def disagreements(self, body: str, record: Record) -> Iterable[str]:
        """Where a file's text (without the record) visibly says something else than its record, in words."""

    def names_in(self, content: bytes) -> Iterable[str]:
        """The names that a file defines as literals, also a file that mfdeploy did not write."""

    def live(self, environment: Environment, environ: Mapping[str, str], waits: WaitPolicy) -> Live | None:
        """The running orchestrator that an environment's settings name, or that runs on this machine for it; None if
        there is none. Nothing is asked.

        `environ` are the environment variables, which say where the state of one on this machine is; `waits` says for
        how long answers are waited for.
        """

    def page_of(self, environment: Environment, name: str) -> str:
        """The address of the page of a deployment, as the settings alone say it; empty where they do not."""

    def local(self, environment: Environment, environ: Mapping[str, str]) -> LocalOrchestrator | None:
        """What runs the orchestrator on this machine for the files of an environment; None if that cannot be."""

    def needs(self, description: Description) -> Needs:
        """What a deployment takes for granted in the running orchestrator."""

    def uses(self, description: Description) -> Sequence[Use]:
        """What a deployment uses that a platform may limit for a project, defaults of the orchestrator included."""

    def effects(
        self, change: Change, since: datetime | None, now: datetime, ran: datetime | None = None
    ) -> Sequence[Effect]:
        """What a change does to runs, as of `now`; empty for a change that writes nothing.

        `since` is when the deployment was first applied (aware; None if it never was), and `ran` the time of its
        schedule that it ran for last, if the running orchestrator said so.
        """
