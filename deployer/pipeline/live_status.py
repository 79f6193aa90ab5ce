"""Asks the running orchestrator of an environment about each of its deployed flows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from deployer.context import Context
from deployer.errors import Diagnostic, Severity
from deployer.models.deployment import Environment
from deployer.models.live import Live, LiveError, LiveImportError
from deployer.pipeline.live import DeployedFlow, FlowStatus, live_problem

_THREADS = 8


def flow_statuses(
    environment: Environment, flows: Sequence[DeployedFlow], context: Context, *, runs: int = 1
) -> tuple[list[FlowStatus], Diagnostic | None]:
    """The state of each flow with its newest runs, and a warning if the orchestrator does not tell.

    An environment that names no running orchestrator is not asked, which is no problem.
    """
    try:
        live = context.live(environment)
        return (_ask(live, flows, runs) if live else [FlowStatus(flow) for flow in flows]), None
    except LiveError as error:
        problem = live_problem(environment, error)
        message = f"Airflow was not asked: {problem.message}"
        return [FlowStatus(flow) for flow in flows], replace(problem, message=message, severity=Severity.WARNING)


def _ask(live: Live, flows: Sequence[DeployedFlow], runs: int) -> list[FlowStatus]:
    live.product()  # logs in once, not in each thread
    errors = {error.file_name: error for error in live.import_errors()}
    with ThreadPoolExecutor(_THREADS) as threads:
        return list(threads.map(lambda flow: _ask_of(live, flow, errors, runs), flows))


def _ask_of(live: Live, flow: DeployedFlow, errors: Mapping[str, LiveImportError], runs: int) -> FlowStatus:
    found = live.deployment(flow.name)
    newest = live.runs(flow.name, runs) if found else ()
    pages = {each: live.page(flow.name, each) for each in ("", *(run.run_id for run in newest))} if found else {}
    return FlowStatus(flow, True, found, newest, errors.get(flow.item.file), pages)
