"""mfdeploy forecast: the load that the schedules of an environment make, now and after an apply."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from deployer.commands.plan import make_plan
from deployer.context import Context
from deployer.errors import Diagnostic, Severity
from deployer.models.deployment import Environment
from deployer.models.desired import EnvironmentState
from deployer.models.forecast import Forecast
from deployer.models.live import LiveError
from deployer.models.plan import Change
from deployer.models.selection import Selection
from deployer.pipeline.forecast import Request, forecast_of
from deployer.pipeline.live import NOT_ASKED, live_warning
from deployer.pipeline.load import Deployment, deployed
from deployer.pipeline.measured import MOST_ASKED, Facts, ask
from deployer.state.survey import survey


@dataclass(frozen=True)
class ForecastResult:
    """A forecast, and what could not be asked."""

    forecast: Forecast
    warnings: Sequence[Diagnostic] = ()


def forecast(selection: Selection, name: str, request: Request, context: Context) -> ForecastResult:
    """The load in an environment. Changes nothing. Raises DeployError."""
    selection = replace(selection, environments=(name,))
    state, changes, warnings = _state(selection, name, request, context)
    environment = context.load(selection).environments[name]
    facts, problems = _ask(environment, [*deployed(state).values()], request, context)
    found = forecast_of(environment, state, changes, request, facts, context)
    return ForecastResult(found, [*warnings, *problems])


def _state(
    selection: Selection, name: str, request: Request, context: Context
) -> tuple[EnvironmentState, Sequence[Change], Sequence[Diagnostic]]:
    """What is deployed, and what a plan would change of it."""
    if request.only_deployed:
        manifests = context.load(selection)
        (state,) = survey([manifests.environments[name]], context.connect, (), branches=manifests.branches).states
        return state, (), ()
    plan_context = make_plan(selection, context)
    (state,) = plan_context.deployed.states
    return state, plan_context.plan.changes, plan_context.warnings


def _ask(
    environment: Environment, deployments: Sequence[Deployment], request: Request, context: Context
) -> tuple[Facts | None, Sequence[Diagnostic]]:
    """What the running orchestrator says; why it says nothing is a warning."""
    path = f"environments.{environment.name}.airflow"

    def warning(message: str) -> Diagnostic:
        return Diagnostic("airflow", message, environment.source("airflow"), path, severity=Severity.WARNING)

    names = sorted(each.name for each in deployments if _is_started(each))
    try:
        found = ask(environment, names, request.runs, context)
    except LiveError as error:
        return None, [live_warning(environment, NOT_ASKED, error)]
    if found is None:
        return None, ()
    warnings = [warning(f"not known: {problem}") for problem in found.problems]
    if request.runs and len(names) > MOST_ASKED:
        warnings.append(warning(f"Airflow was asked about the first {MOST_ASKED} of {len(names):,} flows"))
    return found, warnings


def _is_started(each: Deployment) -> bool:
    return each.description is not None and each.description.schedule.kind != "none"
