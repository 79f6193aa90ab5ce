"""A second orchestrator, as small as one can be: a deployment is a JSON file with the flow's graph and its record.

It is what docs/adding-an-orchestrator.md describes, and shows that nothing but `orchestrators/airflow` knows Airflow.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from deployer.errors import Diagnostic
from deployer.forecasting.jobs import Assumptions, Group, Job
from deployer.models.deployment import Deployment, Environment, Schedule
from deployer.models.description import Description, times_of
from deployer.models.description import Schedule as DescribedSchedule
from deployer.models.desired import Deployed
from deployer.models.digest import digest_text
from deployer.models.flow import Flow, Package
from deployer.models.flow_location import flow_location
from deployer.models.limits import Use
from deployer.models.live import Needs
from deployer.models.plan import Change, Effect
from deployer.models.reading import NewerFormatError, ReadingError, parse_json
from deployer.models.record import Origin, Record, RunIds
from deployer.models.record_data import from_data, to_data
from deployer.models.waiting import WaitPolicy


class JsonFiles:
    """Runs nothing: it stands for a scheduler that reads such files."""

    name = "json"
    file_pattern = "*.flow.json"
    renderer_version = 1
    own_settings = frozenset(("max_workers",))
    task_variables = frozenset(("FLOW_STEP",))

    def check(self, deployment: Deployment, flow: Flow) -> Sequence[Diagnostic]:
        return list(_refused(deployment, flow))

    def name_of(self, deployment: Deployment, flow: Flow) -> str:
        branch = deployment.own_branch.safe_name
        return f"{flow.name}@{deployment.environment.name}" + (f"@{branch}" if branch else "")

    def in_branch(self, deployment: Deployment, flow: Flow) -> Flow:
        return flow

    def file_of(self, name: str) -> str:
        return f"{name}.flow.json"

    def schedule_of(self, deployment: Deployment, flow: Flow) -> Schedule | None:
        return deployment.schedule

    def next_runs(self, schedule: DescribedSchedule, now: datetime, count: int = 3) -> Sequence[str]:
        times = times_of(schedule)
        return (f"{', '.join(times.crons)} after {now:%Y-%m-%d}",) if times else ()

    def minutes_between_runs(self, schedule: DescribedSchedule) -> int | None:
        return None

    def start_times(self, schedule: DescribedSchedule, begin: datetime, until: datetime) -> Sequence[int]:
        return ()

    def with_minute(self, schedule: DescribedSchedule, minute: int) -> str | None:
        return None

    def job(self, name: str, description: Description, assumed: Assumptions) -> Job:
        return Job(name, tuple(Group(step, assumed.seconds) for step in description.graph.steps))

    def pods(self, deployment: Deployment, flow: Flow) -> Mapping[str, Mapping[str, Any]]:
        return {}

    def render(
        self,
        deployment: Deployment,
        flow: Flow,
        package: Package,
        since: datetime | None,
        origin: Origin,
        run_ids: RunIds,
    ) -> str:
        steps = {step.name: {"next": list(step.next), "script": package.scripts[step.name]} for step in flow.steps}
        body = {"name": self.name_of(deployment, flow), "package": package.url, "steps": steps}
        return json.dumps(body, indent=1, sort_keys=True) + "\n"

    def embed(self, body: str, record: Record) -> str:
        return json.dumps({"body": body, "record": to_data(record)}, indent=1) + "\n"

    def is_too_large(self, description: Description) -> bool:
        return False

    def body_of(self, text: str) -> str:
        found = _file(text)
        return str(found["body"]) if found else text

    def read(self, file: str, content: bytes, version: str) -> Deployed:
        found = _file(content.decode(errors="replace"))
        if found is None:
            return Deployed(file, version, None)
        try:
            record = from_data(found["record"])
        except NewerFormatError as error:
            return Deployed(file, version, None, problem=f"{file}: {error}", later=True)
        except ReadingError as error:
            return Deployed(file, version, None, problem=f"{file}: {error}")
        return Deployed(file, version, record, intact=digest_text(str(found["body"])) == record.body_digest)

    def disagreements(self, body: str, record: Record) -> Iterable[str]:
        name = json.loads(body)["name"]
        return () if name == record.name else (f"it is of {name}",)

    def names_in(self, content: bytes) -> Iterable[str]:
        try:
            found = parse_json(content)
        except ValueError:
            return ()
        return (found["name"],) if isinstance(found, dict) and isinstance(found.get("name"), str) else ()

    def live(self, environment: Environment, environ: Mapping[str, str], waits: WaitPolicy) -> None:
        return None

    def page_of(self, environment: Environment, name: str) -> str:
        return ""

    def local(self, environment: Environment, environ: Mapping[str, str]) -> None:
        return None

    def needs(self, description: Description) -> Needs:
        return Needs()

    def uses(self, description: Description) -> Sequence[Use]:
        return (Use("compute", description.settings.compute, "settings.compute"),)

    def effects(
        self, change: Change, since: datetime | None, now: datetime, ran: datetime | None = None
    ) -> Sequence[Effect]:
        return (Effect("code"),) if change.action == "update" else ()


def _file(text: str) -> Mapping[str, Any] | None:
    """The body and the record of a file of ours; None for any other."""
    try:
        found = parse_json(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) and found.keys() == {"body", "record"} else None


def _refused(deployment: Deployment, flow: Flow) -> Iterator[Diagnostic]:
    for step in flow.steps:
        if step.kind == "foreach":
            message = f"step {step.name!r} is a foreach, which a JSON file cannot hold"
            yield Diagnostic("unsupported", message, flow_location(deployment, step.line), hint="use airflow")
