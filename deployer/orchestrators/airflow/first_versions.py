"""What not every supported Airflow can do, and which is the first that can."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from deployer.errors import Diagnostic
from deployer.models.deployment import Deployment
from deployer.models.description import Description, times_of
from deployer.models.flow import Flow
from deployer.orchestrators.airflow.schedule import find_problem, schedule_of

# Before it Airflow does not find a callback that a DAG file defines, and before 3.1 it knows no deadlines.
_LATE: Final = ("the notification of late runs", "3.3")
_SEVERAL_CRONS: Final = ("a schedule of several crons that one cannot say", "3.0")


def of_description(description: Description) -> frozenset[tuple[str, str]]:
    """What a deployment needs that not every Airflow has, in words, with the first version that has it."""
    times = times_of(description.schedule)
    notify = description.settings.value("notify")
    return _needed(len(times.crons) if times else 0, tells_of_late=isinstance(notify, dict) and "late" in notify)


def problems(deployment: Deployment, flow: Flow) -> Iterator[Diagnostic]:
    """What the Airflow that the manifest names by its version cannot do."""
    access = deployment.environment.airflow
    if access is None or access.version is None or find_problem(deployment, flow):
        return
    schedule = schedule_of(deployment, flow)
    needed = _needed(len(schedule.crons) if schedule else 0, tells_of_late="late" in deployment.notify.events())
    for what, first in sorted(needed):
        if is_older(access.version, first):
            setting = "notify.late" if (what, first) == _LATE else "schedule"
            yield Diagnostic(
                code="airflow-version",
                message=f"{what} needs Airflow {first}, and {deployment.environment.name} has {access.version}",
                location=deployment.source(f"{setting}.{'after' if setting == 'notify.late' else 'cron'}"),
                path=f"flows.{deployment.name}.{setting}",
                hint=hint_for(what),
            )


def hint_for(what: str) -> str:
    """How to do without."""
    if what == _LATE[0]:
        return "leave it out there: late: {after: none, notify: []}"
    return "write crons that differ in one field, or deploy the flow once for each"


def is_older(version: str, first: str) -> bool:
    """Whether an Airflow of a version (``2.11.2``) came before the first that can do something (``3.3``)."""
    return _numbers(version) < _numbers(first)


def _needed(crons: int, *, tells_of_late: bool) -> frozenset[tuple[str, str]]:
    found = [(_LATE, tells_of_late), (_SEVERAL_CRONS, crons > 1)]
    return frozenset(each for each, is_needed in found if is_needed)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdecimal() else 0 for part in version.split(".")[:2])
