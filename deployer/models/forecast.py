"""The load that schedules make, as data: what `mfdeploy forecast --format json` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import Field

from deployer.models.deployment import Compute
from deployer.models.types import FrozenModel, Several

FORECAST_FORMAT: Final = 1


class Load(FrozenModel):
    """What is active at a moment, or the most or the mean of each over a time."""

    runs: float
    tasks: Annotated[float, Field(description="Pods, or processes of the worker with `compute: local`.")]
    cpu: Annotated[float, Field(description="CPUs that steps ask for.")]
    memory: Annotated[float, Field(description="MB (10^6 bytes) that steps ask for.")]
    gpus: float


class ForecastHour(FrozenModel):
    """One hour. The most of two amounts may be at two moments."""

    at: Annotated[str, Field(description="Its beginning (ISO 8601).")]
    starts: Annotated[int, Field(description="Runs that the schedules start in it.")]
    most: Load
    mean: Load
    waiting_tasks: Annotated[int, Field(description="The most tasks that waited for a slot.")]
    waiting_runs: Annotated[int, Field(description="The most runs that waited for an earlier run of their flow.")]


class Peak(FrozenModel):
    """The most of something, and the hour or minute in which it is first reached."""

    value: float
    at: Annotated[str, Field(description="ISO 8601; empty where there is none of it.")]


class Peaks(FrozenModel):
    """The most of everything, over the whole time."""

    runs: Peak
    tasks: Peak
    cpu: Peak
    memory: Peak
    gpus: Peak
    waiting_tasks: Peak
    waiting_runs: Peak


class CollisionAt(FrozenModel):
    """Runs that start in the same minute."""

    at: Annotated[str, Field(description="The first time (ISO 8601).")]
    often: Annotated[int, Field(description="How many times they do.")]
    runs: int
    waiting: Annotated[int, Field(description="The most tasks that waited for a slot after one of them.")]
    flows: Annotated[Several[str], Field(description="Their addresses.")]


class CalmerMinute(FrozenModel):
    """A flow that could start at another minute."""

    address: str
    cron: str
    instead: Annotated[str, Field(description="The cron with the calmer minute.")]


class CalmerMinutes(FrozenModel):
    """Flows that could start at other minutes, and the most tasks at once without and with that, if none waited."""

    before: int
    after: int
    flows: Several[CalmerMinute]


class ForecastFlow(FrozenModel):
    """A flow: how many runs of it start, and what one of them takes if nothing has to wait."""

    address: str
    name: Annotated[str, Field(description="The deployment's name in the orchestrator: the DAG id.")]
    starts: int
    seconds: int
    tasks: int
    measured: Annotated[
        Several[str], Field(description="The steps whose tasks and times were seen in runs; the others are assumed.")
    ]


class NotForecast(FrozenModel):
    """A deployment that the forecast leaves out."""

    address: str
    why: Annotated[str, Field(description="In words.")]


class Side(FrozenModel):
    """A forecast of what is deployed, or of what would be."""

    runs: Annotated[int, Field(description="Runs that start.")]
    tasks: Annotated[int, Field(description="Tasks that start.")]
    peaks: Peaks
    hours: Several[ForecastHour]
    collisions: Annotated[Several[CollisionAt], Field(description="Those of the most runs first, at most 20.")]
    calmer: CalmerMinutes | None
    flows: Annotated[Several[ForecastFlow], Field(description="Those of which runs start, by address.")]
    left_out: Several[NotForecast]


class Forecast(FrozenModel):
    """The load that the schedules of an environment make. `planned` is null if an apply would change nothing of it."""

    format: Literal[1] = FORECAST_FORMAT
    environment: str
    compute: Annotated[Compute, Field(description="What the tasks of the environment are: pods, or processes.")]
    begin: Annotated[str, Field(description="ISO 8601.")]
    until: Annotated[str, Field(description="ISO 8601.")]
    timezone: Annotated[str, Field(description="The timezone of all times here.")]
    slots: Annotated[int | None, Field(description="How many tasks run at once in all; null for no limit.")]
    pools: Annotated[Mapping[str, int], Field(description="How many tasks run at once in each pool that has a limit.")]
    assumptions: Annotated[Several[str], Field(description="What was taken for granted, in words.")]
    compared: Annotated[bool, Field(description="Whether the manifests were compared with what is deployed.")]
    now: Side
    planned: Annotated[Side | None, Field(description="Null if nothing of it would be different.")]
