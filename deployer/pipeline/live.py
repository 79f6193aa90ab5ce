"""Finds what is deployed by the names of the manifests, and the running orchestrator that has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from deployer.context import Context
from deployer.errors import DeployError, Diagnostic, Severity, nearest
from deployer.models.deployment import Environment
from deployer.models.description import Description, version_of
from deployer.models.desired import Deployed, EnvironmentState
from deployer.models.live import Live, LiveDeployment, LiveError, LiveImportError, LiveRun
from deployer.models.local_server import LocalOrchestrator
from deployer.models.record import Record
from deployer.models.selection import Selection
from deployer.state.survey import survey

NOT_ASKED = "Airflow was not asked"


@dataclass(frozen=True)
class DeployedFlow:
    """One deployed flow of an environment, as its file at the target says."""

    environment: Environment
    item: Deployed
    record: Record

    @property
    def name(self) -> str:
        """Its name in the orchestrator."""
        return self.record.name

    @property
    def version(self) -> str | None:
        """The version that the file carries; None for a DAG of Metaflow's own command."""
        description = self.record.description
        return version_of(description) if isinstance(description, Description) else None


@dataclass(frozen=True)
class FlowStatus:
    """One deployed flow. `live` is None if the orchestrator does not know it, or was not asked (`asked`).

    `runs` are the newest runs, the newest first. `pages` are addresses: of the page of each of them by its id, and of
    the flow's own by "".
    """

    flow: DeployedFlow
    asked: bool = False
    live: LiveDeployment | None = None
    runs: Sequence[LiveRun] = ()
    import_error: LiveImportError | None = None
    pages: Mapping[str, str] = field(default_factory=dict)

    @property
    def last_run(self) -> LiveRun | None:
        """The newest run; None if there is none, or nobody was asked."""
        return self.runs[0] if self.runs else None

    @property
    def state(self) -> str:
        """unchecked, broken (import error), unknown (not there yet), gone (its file), current or behind."""
        if not self.asked:
            return "unchecked"
        if self.import_error is not None:
            return "broken"
        if self.live is None:
            return "unknown"
        if self.live.stale:
            return "gone"
        return "current" if self.live.version == self.flow.version else "behind"


def deployed_flows(selection: Selection, environment: str, context: Context) -> list[DeployedFlow]:
    """The selected flows that are deployed in an environment, by address. Raises DeployError."""
    manifests = context.load(selection)
    found = manifests.environments[environment]
    (state,) = survey([found], context.connect, (), branches=manifests.branches).states
    return owned_flows(selection, found, state)


def owned_flows(selection: Selection, environment: Environment, state: EnvironmentState) -> list[DeployedFlow]:
    """The selected flows that this project deployed in a surveyed environment, by address."""
    owned = [
        DeployedFlow(environment, item, item.record)
        for item in state.deployed
        if item.record and state.owns(item) and selection.selects(item.record.address)
    ]
    return sorted(owned, key=lambda each: each.record.address)


def find_deployed(selection: Selection, flow: str, environment: str, context: Context) -> DeployedFlow:
    """The deployed flow of this name. Raises DeployError if it is not deployed."""
    everything = deployed_flows(selection, environment, context)
    address = flow if "/" in flow else f"{environment}/{flow}"
    for each in everything:
        if each.record.address == address:
            return each
    names = {each.record.address.partition("/")[2] for each in everything}
    listed = any(item.address == address for item in context.load(selection).deployments)
    hint = f"`mfdeploy apply --env {environment} --flow {flow}` deploys it" if listed else nearest(flow, names)
    hint = hint or (f"deployed are {', '.join(sorted(names)[:10])}" if names else "nothing is deployed there yet")
    raise DeployError(Diagnostic("not-deployed", f"{address} is not deployed", hint=hint))


@contextmanager
def running_flow(
    selection: Selection, flow: str, environment: str, context: Context
) -> Iterator[tuple[DeployedFlow, Live]]:
    """A deployed flow and the running orchestrator that has it, for what is asked of it in the block.

    Raises DeployError, also for what the orchestrator refuses.
    """
    found = find_deployed(selection, flow, environment, context)
    with reported(found.environment):
        yield found, live_of(found.environment, context)


def live_of(environment: Environment, context: Context) -> Live:
    """The running orchestrator of an environment. Raises DeployError if the manifests do not say where it is,
    and LiveError if it cannot be reached.
    """
    found = context.live(environment)
    if found is None:
        message = f"the manifests do not say where the Airflow of {environment.name} runs"
        hint = "add `airflow:` with its url to the environment: docs/live-airflow.md"
        if context.local(environment) is not None:
            hint += f"; or have one run on this machine: mfdeploy dev --env {environment.name}"
        path = f"environments.{environment.name}.airflow"
        raise DeployError(Diagnostic("no-airflow", message, environment.location, path, hint))
    return found


def local_of(environment: Environment, context: Context) -> LocalOrchestrator:
    """What runs the orchestrator of an environment on this machine. Raises DeployError if that cannot be."""
    found = context.local(environment)
    if found is None:
        message = f"the Airflow of {environment.name} cannot run on this machine"
        hint = "it needs an environment whose target is a folder, and whose `airflow:` names no other one"
        path = f"environments.{environment.name}"
        raise DeployError(Diagnostic("no-local-airflow", message, environment.location, path, hint))
    return found


@contextmanager
def reported(environment: Environment) -> Iterator[None]:
    """Raises what a running orchestrator refuses as a DeployError, at the manifest's line of the environment."""
    try:
        yield
    except LiveError as error:
        raise DeployError(live_problem(environment, error)) from error


def live_problem(environment: Environment, error: LiveError) -> Diagnostic:
    """A problem of a running orchestrator."""
    path = f"environments.{environment.name}.airflow"
    return Diagnostic("airflow", str(error), environment.source("airflow"), path, error.hint)


def live_warning(environment: Environment, what: str, error: LiveError) -> Diagnostic:
    """The same where a command goes on without it; `what` says what is missing then."""
    problem = live_problem(environment, error)
    return replace(problem, message=f"{what}: {problem.message}", severity=Severity.WARNING)
