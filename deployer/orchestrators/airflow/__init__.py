"""Renders a deployment and its flow as an Airflow DAG file. The only package that knows Airflow's Python API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from deployer.errors import Diagnostic
from deployer.forecasting.jobs import Assumptions, Job
from deployer.manifest.fields import settings_of_orchestrator
from deployer.manifest.keys import FlowIdentity, FlowSettings
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
from deployer.orchestrators.airflow import dag_file, effects, events, next_runs, record, start_times, workload
from deployer.orchestrators.airflow.check import check
from deployer.orchestrators.airflow.dag_ids import dag_ids
from deployer.orchestrators.airflow.names import dag_id
from deployer.orchestrators.airflow.needs import needs
from deployer.orchestrators.airflow.pod_manifest import pod_manifests
from deployer.orchestrators.airflow.renderer_version import RENDERER_VERSION
from deployer.orchestrators.airflow.schedule import schedule_of
from deployer.orchestrators.airflow.sensors import in_branch
from deployer.orchestrators.airflow.text_and_record import disagreements
from deployer.orchestrators.airflow.uses import uses
from deployer.orchestrators.airflow.variables import TASK_VARIABLES


class AirflowOrchestrator:
    """Airflow 2.10 to 3.x: each deployment is one DAG, in a Python file named after the DAG id."""

    name = "airflow"
    file_pattern = "*.py"
    renderer_version = RENDERER_VERSION
    own_settings = settings_of_orchestrator("airflow", FlowSettings, FlowIdentity)
    task_variables = TASK_VARIABLES

    def check(self, deployment: Deployment, flow: Flow) -> Sequence[Diagnostic]:
        return check(deployment, flow)

    def name_of(self, deployment: Deployment, flow: Flow) -> str:
        return dag_id(deployment, flow)

    def in_branch(self, deployment: Deployment, flow: Flow) -> Flow:
        return events.resolved(deployment, in_branch(deployment, flow))

    def file_of(self, name: str) -> str:
        return f"{name}.py"

    def schedule_of(self, deployment: Deployment, flow: Flow) -> Schedule | None:
        return schedule_of(deployment, flow)

    def next_runs(self, schedule: DescribedSchedule, now: datetime, count: int = 3) -> Sequence[str]:
        return next_runs.next_runs(schedule, now, count)

    def minutes_between_runs(self, schedule: DescribedSchedule) -> int | None:
        return next_runs.minutes_between_runs(schedule)

    def start_times(self, schedule: DescribedSchedule, begin: datetime, until: datetime) -> Sequence[int]:
        return start_times.start_times(schedule, begin, until)

    def with_minute(self, schedule: DescribedSchedule, minute: int) -> str | None:
        return start_times.with_minute(schedule, minute)

    def job(self, name: str, description: Description, assumed: Assumptions) -> Job:
        return workload.job_of(name, description, assumed)

    def pods(self, deployment: Deployment, flow: Flow) -> Mapping[str, Mapping[str, Any]]:
        return pod_manifests(deployment, flow)

    def render(
        self,
        deployment: Deployment,
        flow: Flow,
        package: Package,
        since: datetime | None,
        origin: Origin,
        run_ids: RunIds,
    ) -> str:
        # A plan renders nothing: Jinja is imported where something is.
        from deployer.orchestrators.airflow.render import render

        return render(deployment, flow, package, since, origin, run_ids)

    def embed(self, body: str, record_: Record) -> str:
        return record.write(body, record_)

    def is_too_large(self, description: Description) -> bool:
        return record.is_too_large(description)

    def body_of(self, text: str) -> str:
        return record.body(text)

    def read(self, file: str, content: bytes, version: str) -> Deployed:
        return dag_file.read(file, content, version)

    def disagreements(self, body: str, record_: Record) -> Iterable[str]:
        return disagreements(body, record_)

    def names_in(self, content: bytes) -> Iterable[str]:
        return dag_ids(content)

    def live(self, environment: Environment, environ: Mapping[str, str], waits: WaitPolicy) -> Live | None:
        from deployer.orchestrators.airflow.server.found import url_of_running

        access = environment.airflow
        elsewhere = access if access and (access.url or access.mwaa) else None
        url = None if elsewhere else url_of_running(environment, environ)
        if not (elsewhere or url):
            return None
        # With httpx it takes a while to import, and most plans ask no Airflow.
        from deployer.orchestrators.airflow.live.access import connect, connect_here

        return connect(elsewhere, waits) if elsewhere else connect_here(url or "")

    def page_of(self, environment: Environment, name: str) -> str:
        url = environment.airflow.url if environment.airflow else None
        # Airflow 2 leads on from there.
        return f"{url.rstrip('/')}/dags/{quote(name, safe='')}" if url else ""

    def local(self, environment: Environment, environ: Mapping[str, str]) -> LocalOrchestrator | None:
        from deployer.orchestrators.airflow.server.local import local_airflow

        return local_airflow(environment, environ)

    def needs(self, description: Description) -> Needs:
        return needs(description)

    def uses(self, description: Description) -> Sequence[Use]:
        return uses(description)

    def effects(
        self, change: Change, since: datetime | None, now: datetime, ran: datetime | None = None
    ) -> Sequence[Effect]:
        return effects.effects(change, since, now, ran)
