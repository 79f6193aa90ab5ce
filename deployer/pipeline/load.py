"""The deployments of an environment as jobs for a forecast: as they are deployed, and as an apply would leave them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone

from deployer.forecasting.jobs import Assumptions, Job
from deployer.forecasting.unlimited import in_order
from deployer.models.description import Description, EventSchedule, NoSchedule, published_by, times_of
from deployer.models.desired import EnvironmentState
from deployer.models.plan import Change
from deployer.orchestrators.protocol import Orchestrator
from deployer.pipeline.measured import Facts

EARLIER = 2 * 24 * 60 * 60
"""Runs that started at most so many seconds before may be active when a forecast begins."""


@dataclass(frozen=True)
class Deployment:
    """A deployment: its address, its name in the orchestrator, and what decides it (None: it is not known).

    `own` is false for what the manifests do not manage, `is_new` true for what is not deployed yet.
    """

    address: str
    name: str
    description: Description | None
    own: bool = True
    is_new: bool = False


@dataclass(frozen=True)
class Jobs:
    """The deployments that start runs, their jobs in the same order, and why each of the others (by address) is out.

    `measured` are the steps that runs showed, by the name of the deployment in the orchestrator.
    """

    deployments: Sequence[Deployment]
    jobs: Sequence[Job]
    left_out: Mapping[str, str]
    measured: Mapping[str, Collection[str]]


def deployed(state: EnvironmentState) -> dict[str, Deployment]:
    """What is at the target, whoever it belongs to, by file."""
    found = {}
    for item in state.deployed:
        if item.record is not None:
            record = item.record
            found[item.file] = Deployment(record.address, record.name, record.description, state.owns(item))
        elif item.native is not None:
            found[item.file] = Deployment(item.native.name, item.native.name, None, own=False)
    return found


def planned(now: Mapping[str, Deployment], changes: Sequence[Change]) -> dict[str, Deployment]:
    """The same after the changes of a plan."""
    found = dict(now)
    for change in changes:
        if change.action == "delete":
            found.pop(change.file, None)
        elif change.writes and change.after is not None:
            for replaced in change.replaces:
                found.pop(replaced.file, None)
            found[change.file] = Deployment(change.address, change.name, change.after, is_new=change.action == "create")
    return found


def jobs_of(
    deployments: Sequence[Deployment],
    orchestrator: Orchestrator,
    assumed: Assumptions,
    facts: Facts | None,
    begin: int,
    until: int,
) -> Jobs:
    """The jobs of deployments, with all their starts."""
    ordered = sorted(deployments, key=lambda each: (each.address, each.name))
    left_out = {}
    found: list[Deployment] = []
    for each in ordered:
        why = _why_not(each, facts)
        if why:
            left_out[each.address] = why
        else:
            found.append(each)
    started = _reached(found)
    for each in found:
        if each.name not in started:
            left_out[each.address] = _never(each)
    found = [each for each in found if each.name in started]
    numbers = {
        published_by(each.name, each.description): number for number, each in enumerate(found) if each.description
    }
    jobs = []
    for each in found:
        assert each.description is not None
        measured = facts.measured.get(each.name, {}) if facts else {}
        job = orchestrator.job(each.address, each.description, replace(assumed, measured=measured))
        first = begin if each.is_new else begin - EARLIER
        starts = orchestrator.start_times(each.description.schedule, _time(first), _time(until))
        jobs.append(replace(job, starts=starts, after=_after(each, numbers)))
    steps = {name: frozenset(measured) for name, measured in facts.measured.items()} if facts else {}
    return Jobs(found, _without_circles(jobs), left_out, steps)


def _why_not(each: Deployment, facts: Facts | None) -> str:
    if each.description is None:
        return "by Metaflow's own command: the steps are not known"
    if isinstance(each.description.schedule, NoSchedule):
        return "no schedule"
    if facts and each.name in facts.paused:
        return "paused in Airflow"
    return ""


def _reached(deployments: Sequence[Deployment]) -> set[str]:
    """The names of those that a schedule starts, or the ends of others that one starts."""
    found: set[str] = set()
    events: set[str | None] = set()
    while True:
        more = {each.name for each in deployments if each.name not in found and _starts(each, events)}
        if not more:
            return found
        found |= more
        events |= {
            published_by(each.name, each.description) for each in deployments if each.description and each.name in found
        }


def _starts(each: Deployment, events: set[str | None]) -> bool:
    schedule = each.description.schedule if each.description else None
    if schedule is None:
        return False
    if times_of(schedule) is not None:
        return True
    return isinstance(schedule, EventSchedule) and not schedule.events and {*schedule.after} <= events


def _never(each: Deployment) -> str:
    schedule = each.description.schedule if each.description else None
    if isinstance(schedule, EventSchedule):
        return f"when {' and '.join([*schedule.after, *schedule.events])} comes is not known"
    return "nothing starts it"


def _after(each: Deployment, numbers: Mapping[str | None, int]) -> tuple[int, ...]:
    """The jobs whose ends start this one; none if it also waits for events that nobody foresees."""
    schedule = each.description.schedule if each.description else None
    if not isinstance(schedule, EventSchedule) or schedule.events:
        return ()
    if not all(event in numbers for event in schedule.after):
        return ()
    return tuple(sorted({numbers[event] for event in schedule.after}))


def _without_circles(jobs: Sequence[Job]) -> list[Job]:
    """The jobs; where some start each other in a circle, which no plan allows, each by its schedule alone."""
    return [*jobs] if in_order(jobs) is not None else [replace(job, after=()) for job in jobs]


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)
