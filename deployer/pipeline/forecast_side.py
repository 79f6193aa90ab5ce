"""What a forecast says of the deployments of one side: those that are there, or those that are planned."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

from deployer.forecasting.calmer import calmer
from deployer.forecasting.collisions import Collision, collisions
from deployer.forecasting.course import Forecast, forecast
from deployer.forecasting.jobs import Limits
from deployer.forecasting.load import HOUR, Amounts, Hour
from deployer.forecasting.outcome import MINUTE, Course
from deployer.models.description import times_of
from deployer.models.forecast import (
    CalmerMinute,
    CalmerMinutes,
    CollisionAt,
    ForecastFlow,
    ForecastHour,
    Load,
    NotForecast,
    Peak,
    Peaks,
    Side,
)
from deployer.orchestrators.protocol import Orchestrator
from deployer.pipeline.load import Jobs


@dataclass(frozen=True)
class Time:
    """From when to when (Unix seconds) there is a forecast, and the timezone in which it says so."""

    begin: int
    until: int
    zone: ZoneInfo

    def text(self, moment: int) -> str:
        """A moment in ISO 8601."""
        return datetime.fromtimestamp(moment, timezone.utc).astimezone(self.zone).isoformat(timespec="minutes")


def side_of(jobs: Jobs, limits: Limits, time: Time, orchestrator: Orchestrator) -> Side:
    """The forecast of these jobs."""
    found = forecast(jobs.jobs, limits, time.begin, time.until)
    course = found.course
    hours = _hours(course, jobs, time)
    return Side(
        runs=sum(course.started.values()),
        tasks=course.tasks,
        peaks=_peaks(course, time),
        hours=tuple(hours),
        collisions=tuple(_collision(each, jobs, time) for each in collisions(jobs.jobs, course)),
        calmer=_calmer(jobs, found, time, orchestrator),
        flows=tuple(_flow(number, jobs, found) for number in sorted(course.started)),
        left_out=tuple(NotForecast(address=address, why=why) for address, why in sorted(jobs.left_out.items())),
    )


def _hours(course: Course, jobs: Jobs, time: Time) -> list[ForecastHour]:
    starts: dict[int, int] = {}
    for job in jobs.jobs:
        for start in job.starts:
            starts[start // HOUR] = starts.get(start // HOUR, 0) + (start >= time.begin)
    tasks, runs = _by_hour(course.waiting_tasks), _by_hour(course.waiting_runs)
    return [
        ForecastHour(
            at=time.text(max(hour.at, time.begin)),
            starts=starts.get(hour.at // HOUR, 0),
            most=_load(hour.peak),
            mean=_mean(hour),
            waiting_tasks=tasks.get(hour.at // HOUR, 0),
            waiting_runs=runs.get(hour.at // HOUR, 0),
        )
        for hour in course.hours
    ]


def _by_hour(minutes: Mapping[int, int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for minute, number in minutes.items():
        hour = minute * MINUTE // HOUR
        found[hour] = max(found.get(hour, 0), number)
    return found


def _load(amounts: Amounts) -> Load:
    return Load(
        runs=amounts.runs,
        tasks=amounts.tasks,
        cpu=amounts.cpu / 1000,
        memory=amounts.memory,
        gpus=amounts.gpus,
    )


def _mean(hour: Hour) -> Load:
    found = {name: round(value, 3) for name, value in hour.mean.items()}
    return Load(**{**found, "cpu": round(hour.mean["cpu"] / 1000, 3)})


def _peaks(course: Course, time: Time) -> Peaks:
    def of_load(get: Callable[[Load], float]) -> Peak:
        return _peak([(max(hour.at, time.begin), get(_load(hour.peak))) for hour in course.hours], time)

    def waiting(minutes: Mapping[int, int]) -> Peak:
        return _peak([(max(minute * MINUTE, time.begin), number) for minute, number in sorted(minutes.items())], time)

    return Peaks(
        runs=of_load(lambda load: load.runs),
        tasks=of_load(lambda load: load.tasks),
        cpu=of_load(lambda load: load.cpu),
        memory=of_load(lambda load: load.memory),
        gpus=of_load(lambda load: load.gpus),
        waiting_tasks=waiting(course.waiting_tasks),
        waiting_runs=waiting(course.waiting_runs),
    )


def _peak(found: Sequence[tuple[int, float]], time: Time) -> Peak:
    """The first of the highest values."""
    at, value = max(found, key=lambda each: (each[1], -each[0]), default=(0, 0))
    return Peak(value=value, at=time.text(at) if value else "")


def _collision(found: Collision, jobs: Jobs, time: Time) -> CollisionAt:
    return CollisionAt(
        at=time.text(found.at),
        often=found.often,
        runs=len(found.jobs),
        waiting=found.waiting,
        flows=tuple(jobs.deployments[number].address for number in found.jobs),
    )


def _calmer(jobs: Jobs, found: Forecast, time: Time, orchestrator: Orchestrator) -> CalmerMinutes | None:
    """Other minutes for flows of the manifests that start at a single minute of their hours."""
    schedules = {
        number: each.description.schedule
        for number, each in enumerate(jobs.deployments)
        if each.own and each.description is not None and orchestrator.with_minute(each.description.schedule, 0)
    }
    crons = {number: times.crons[0] for number, schedule in schedules.items() if (times := times_of(schedule))}
    movable = {number: int(cron.split()[0]) for number, cron in crons.items()}
    better = calmer(jobs.jobs, found, movable, time.begin, time.until)
    if better is None:
        return None
    flows = [
        CalmerMinute(
            address=jobs.deployments[move.job].address,
            cron=crons[move.job],
            instead=str(orchestrator.with_minute(schedules[move.job], move.minute)),
        )
        for move in better.moves
    ]
    return CalmerMinutes(before=better.before, after=better.after, flows=tuple(flows))


def _flow(number: int, jobs: Jobs, found: Forecast) -> ForecastFlow:
    deployment, shape = jobs.deployments[number], found.shapes[number]
    steps = {group.name for group in jobs.jobs[number].groups}
    return ForecastFlow(
        address=deployment.address,
        name=deployment.name,
        starts=found.course.started[number],
        seconds=shape.seconds,
        tasks=shape.tasks,
        measured=tuple(sorted(steps & {*jobs.measured.get(deployment.name, ())})),
    )
