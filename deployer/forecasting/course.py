"""The course of jobs: by copies of runs where no task waits, and by the simulation where any does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deployer.forecasting.jobs import Job, Limits
from deployer.forecasting.outcome import Course
from deployer.forecasting.simulate import simulate
from deployer.forecasting.unlimited import Demand, Repeated, Shape, course_of, demand_of, shape_of


@dataclass(frozen=True)
class Forecast:
    """The course of jobs, the shape of a run of each, and what they would do with room for everything.

    `demand` is None if jobs start each other in a circle.
    """

    course: Course
    shapes: Sequence[Shape]
    demand: Demand | None


def forecast(jobs: Sequence[Job], limits: Limits, begin: int, until: int) -> Forecast:
    """What happens from `begin` until `until`. Starts before `begin` are those of runs that may be active then."""
    shapes = [shape_of(job) for job in jobs]
    demand = demand_of(jobs, shapes, limits, until)
    if demand is None:
        return Forecast(simulate(jobs, limits, begin, until), shapes, None)
    copies = Repeated(demand, shapes, limits)
    if not copies.is_crowded:
        return Forecast(course_of(demand, shapes, begin, until), shapes, demand)
    return Forecast(simulate(jobs, limits, begin, until, copies=copies), shapes, demand)
