"""mfdeploy status: what is deployed, and what the running Airflow has of it and does with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from deployer.context import Context
from deployer.errors import Diagnostic, Severity
from deployer.models.live import Live, LiveError, LiveImportError
from deployer.models.selection import Selection
from deployer.pipeline.live import DeployedFlow, FlowStatus, deployed_flows, live_problem

_THREADS = 8


@dataclass(frozen=True)
class StatusResult:
    """The selected flows by address, and what could not be checked."""

    flows: Sequence[FlowStatus]
    warnings: Sequence[Diagnostic] = ()


def status(selection: Selection, context: Context) -> StatusResult:
    """The state of the selected flows. What an orchestrator does not tell is a warning. Raises DeployError."""
    manifests = context.load(selection)
    found: list[FlowStatus] = []
    warnings: list[Diagnostic] = []
    for name in selection.environments or sorted(manifests.environments):
        environment = manifests.environments[name]
        flows = deployed_flows(selection, name, context)
        try:
            live = context.live(environment)
            found += _ask(live, flows) if live else map(FlowStatus, flows)
        except LiveError as error:
            found += map(FlowStatus, flows)
            problem = live_problem(environment, error)
            message = f"Airflow was not asked: {problem.message}"
            warnings.append(
                Diagnostic(problem.code, message, problem.location, problem.path, problem.hint, Severity.WARNING)
            )
    return StatusResult(sorted(found, key=lambda each: each.flow.record.address), warnings)


def _ask(live: Live, flows: Sequence[DeployedFlow]) -> list[FlowStatus]:
    live.product()  # logs in once, not in each thread
    errors = {error.file_name: error for error in live.import_errors()}
    with ThreadPoolExecutor(_THREADS) as threads:
        return list(threads.map(lambda flow: _ask_of(live, flow, errors), flows))


def _ask_of(live: Live, flow: DeployedFlow, errors: Mapping[str, LiveImportError]) -> FlowStatus:
    found = live.deployment(flow.name)
    runs = live.runs(flow.name, 1) if found else ()
    error = errors.get(flow.item.file)
    return FlowStatus(flow, True, found, runs[0] if runs else None, error)
