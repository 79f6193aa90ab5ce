"""The forecast of an environment: what its schedules start, as it is deployed and as a plan would leave it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from zoneinfo import ZoneInfo

from deployer.context import Context
from deployer.errors import DeployError, Diagnostic
from deployer.forecasting.jobs import Assumptions, Limits
from deployer.models.deployment import Environment
from deployer.models.description import times_of
from deployer.models.desired import EnvironmentState
from deployer.models.forecast import Forecast, Side
from deployer.models.plan import Change
from deployer.pipeline.forecast_side import Time, side_of
from deployer.pipeline.load import Deployment, Jobs, deployed, jobs_of, planned
from deployer.pipeline.measured import Facts
from deployer.plan_context import PlanContext

# Airflow's own defaults.
_SLOTS, _POOLS = 32, {"default_pool": 128}
_ZONES = "use a name of the IANA timezone database, such as Europe/Helsinki"


@dataclass(frozen=True)
class Request:
    """What a forecast is asked for.

    `step_seconds` and `items` are assumed where no run shows them; `runs` is how many runs of each flow are looked at.
    `slots` (None: as the running Airflow says, 0: no limit) and `pools` are limits. Without a `timezone` times are
    in that of the schedules if they have one, else in UTC. With `only_deployed` no flow is compiled.
    """

    days: int = 7
    step_seconds: int = 300
    items: int = 10
    runs: int = 3
    slots: int | None = None
    pools: Mapping[str, int] = field(default_factory=dict)
    timezone: str | None = None
    only_deployed: bool = False


@dataclass(frozen=True)
class _Workload:
    """What is to be simulated: the jobs before and after some changes, and the limits; `said` is assumed of these.

    Jobs that are the same need one simulation.
    """

    before: Jobs
    later: Jobs
    limits: Limits
    said: Sequence[str]
    time: Time

    @property
    def changes(self) -> bool:
        """Whether the changes make another load."""
        return self.later.jobs != self.before.jobs


def loads(plan_context: PlanContext, context: Context) -> dict[str, Forecast]:
    """The forecast of each environment in which a plan changes what the schedules start. No orchestrator is asked."""
    found, request = {}, Request()
    for state in plan_context.deployed.states:
        changes = [change for change in plan_context.plan.pending if change.environment == state.environment]
        environment = plan_context.environments[state.environment]
        workload = _workload(environment, state, changes, request, None, context)
        if workload.changes:
            found[state.environment] = _simulated(workload, environment, request, None, context)
    return found


def forecast_of(
    environment: Environment,
    state: EnvironmentState,
    changes: Sequence[Change],
    request: Request,
    facts: Facts | None,
    context: Context,
) -> Forecast:
    """The load of what is deployed, and of what it is after the changes if that is another one.

    `facts` are what the running orchestrator showed, None for nothing. Raises DeployError for a bad timezone.
    """
    workload = _workload(environment, state, changes, request, facts, context)
    return _simulated(workload, environment, request, facts, context)


def _workload(
    environment: Environment,
    state: EnvironmentState,
    changes: Sequence[Change],
    request: Request,
    facts: Facts | None,
    context: Context,
) -> _Workload:
    now = deployed(state)
    after = planned(now, changes)
    limits, said = _limits(request, facts)
    time = _time(request, [*now.values(), *after.values()], context)
    orchestrator = context.orchestrator(environment)
    assumed = Assumptions(request.step_seconds, request.items)

    def jobs(deployments: Mapping[str, Deployment]) -> Jobs:
        return jobs_of([*deployments.values()], orchestrator, assumed, facts, time.begin, time.until)

    return _Workload(jobs(now), jobs(after), limits, said, time)


def _simulated(
    workload: _Workload, environment: Environment, request: Request, facts: Facts | None, context: Context
) -> Forecast:
    context.progress("simulating the runs")
    limits, time, orchestrator = workload.limits, workload.time, context.orchestrator(environment)
    now = side_of(workload.before, limits, time, orchestrator)
    after = side_of(workload.later, limits, time, orchestrator) if workload.changes else None
    any_new = any(each.is_new for each in workload.later.deployments)
    sides = [now] if after is None else [now, after]
    return Forecast(
        environment=environment.name,
        compute=environment.compute,
        begin=time.text(time.begin),
        until=time.text(time.until),
        timezone=time.zone.key,
        slots=limits.slots or None,
        pools=dict(sorted(limits.pools.items())),
        assumptions=(*_assumptions(sides, request, facts, any_new=any_new), *workload.said),
        compared=not request.only_deployed,
        now=now,
        planned=after,
    )


def _limits(request: Request, facts: Facts | None) -> tuple[Limits, Sequence[str]]:
    """The limits, and what was taken for granted of them."""
    said = []
    slots = request.slots
    if slots is None and facts and facts.slots is not None:
        slots = facts.slots
    if slots is None:
        slots = _SLOTS
        said.append(
            f"at most {_SLOTS} tasks run at once, Airflow's default of `parallelism` for one scheduler (--slots)"
        )
    pools: dict[str, int] = {}
    if facts and facts.pools is not None:
        pools.update(facts.pools)
    else:
        pools.update(_POOLS)
        if "default_pool" not in request.pools:
            said.append("the default pool has 128 slots, Airflow's default; other pools have no limit (--pool)")
    return Limits(slots, {**pools, **request.pools}), said


def _time(request: Request, deployments: Sequence[Deployment], context: Context) -> Time:
    now = context.now().replace(second=0, microsecond=0)
    until = now + timedelta(days=request.days)
    return Time(int(now.timestamp()), int(until.timestamp()), _zone(request, deployments))


def _zone(request: Request, deployments: Sequence[Deployment]) -> ZoneInfo:
    """The timezone to show. Raises DeployError."""
    if request.timezone is not None:
        try:
            return ZoneInfo(request.timezone)
        except (ValueError, KeyError, OSError):
            message = f"unknown timezone {request.timezone[:80]!r}"
            raise DeployError(Diagnostic("bad-usage", message, hint=_ZONES)) from None
    found = [times_of(each.description.schedule) for each in deployments if each.description]
    zones = {times.timezone or "UTC" for times in found if times}
    try:
        return ZoneInfo(zones.pop() if len(zones) == 1 else "UTC")
    except (ValueError, KeyError, OSError):  # in a file that was edited by hand
        return ZoneInfo("UTC")


def _assumptions(sides: Sequence[Side], request: Request, facts: Facts | None, *, any_new: bool) -> list[str]:
    """What the forecast takes for granted of runs, in words."""
    flows = {each.address: each for side in sides for each in side.flows}
    seen = sum(bool(each.measured) for each in flows.values())
    minutes = request.step_seconds / 60
    found = []
    if seen:
        found.append(f"steps take as long as in the last {request.runs} runs, for {seen} of {len(flows)} flows")
    if seen < len(flows):
        rest = "each other step" if seen else "each step"
        found.append(
            f"{rest} takes {minutes:g} minutes (--step-minutes), and a foreach has {request.items} items (--items)"
        )
    found.append("no task fails, sensors do not wait, and of a switch every branch runs that no run showed as skipped")
    if facts is None:
        found.append("no flow is paused, and nobody starts runs by hand")
    if any_new:
        found.append("new flows are unpaused at once, also where Airflow creates them paused")
    return found
