"""Asks the running orchestrator of an environment about each of its deployed flows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from deployer.context import Context
from deployer.errors import Diagnostic
from deployer.models.deployment import Environment
from deployer.models.live import Live, LiveError, LiveImportError
from deployer.pipeline.live import NOT_ASKED, DeployedFlow, FlowStatus, live_warning

_THREADS = 8


def flow_statuses(
    environment: Environment, flows: Sequence[DeployedFlow], context: Context, *, runs: int = 1
) -> tuple[list[FlowStatus], Diagnostic | None]:
    """The state of each flow with its newest runs, and a warning if the orchestrator does not tell.

    An environment that names no running orchestrator is not asked, which is no problem.
    """
    try:
        live = context.live(environment)
        if live is None:
            return [FlowStatus(flow) for flow in flows], None
        live.product()  # logs in once, not in each thread
        errors = {error.file_name: error for error in live.import_errors()}
    except LiveError as error:
        return [FlowStatus(flow) for flow in flows], live_warning(environment, NOT_ASKED, error)
    answers, problem = _ask(live, flows, errors, runs)
    warning = live_warning(environment, "Airflow did not say everything", problem) if problem else None
    return [answers.get(flow.name) or FlowStatus(flow) for flow in flows], warning


def _ask(
    live: Live, flows: Sequence[DeployedFlow], errors: Mapping[str, LiveImportError], runs: int
) -> tuple[Mapping[str, FlowStatus], LiveError | None]:
    """The answers by name, and the first of the problems.

    After as many problems as there are threads nothing more is asked: a server that is silent takes its time for each.
    """
    answers: dict[str, FlowStatus] = {}
    problems: list[LiveError] = []
    with ThreadPoolExecutor(_THREADS) as threads:
        questions = {flow.name: threads.submit(_ask_of, live, flow, errors, runs) for flow in flows}
        for name, question in questions.items():
            try:
                answers[name] = question.result()
            except LiveError as error:
                problems.append(error)
            if len(problems) >= _THREADS:
                threads.shutdown(wait=True, cancel_futures=True)
                answers |= {each: done.result() for each, done in questions.items() if _is_answered(done)}
                break
    return answers, problems[0] if problems else None


def _is_answered(question: Future[FlowStatus]) -> bool:
    return not question.cancelled() and question.exception() is None


def _ask_of(live: Live, flow: DeployedFlow, errors: Mapping[str, LiveImportError], runs: int) -> FlowStatus:
    found = live.deployment(flow.name)
    newest = live.runs(flow.name, runs) if found else ()
    pages = {each: live.page(flow.name, each) for each in ("", *(run.run_id for run in newest))} if found else {}
    return FlowStatus(flow, True, found, newest, errors.get(flow.item.file), pages)
