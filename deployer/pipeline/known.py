"""Adds to a plan what the running orchestrators know about its changes: no two plans differ by it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from deployer.context import Context
from deployer.errors import DeployError, Diagnostic, Severity
from deployer.models.live import LiveRun, Needs, time_of
from deployer.models.plan import Change, Known
from deployer.pipeline.arrivals import last_lines
from deployer.pipeline.live import NOT_ASKED, live_warning
from deployer.pipeline.live_facts import MOST_ASKED, SECONDS, LiveFacts, ask
from deployer.plan_context import PlanContext

_ACTIVE = ("queued", "running")
_MOST_NAMES = 5


def with_known(plan_context: PlanContext, context: Context) -> tuple[PlanContext, Mapping[str, datetime]]:
    """The same plan with what is known of each change, and warnings about what would fail at a run.

    Also gives the time of its schedule that each deployment ran for last, by address. Raises DeployError for what an
    orchestrator cannot do in its version.
    """
    context.progress("asking the running Airflow")
    facts, errors = ask(plan_context, context)
    problems = [problem for name, found in sorted(facts.items()) for problem in _too_new(name, found, plan_context)]
    if problems:
        raise DeployError(problems)
    changes = [_known(change, facts.get(change.environment)) for change in plan_context.plan.changes]
    warnings = [
        *(live_warning(plan_context.environments[name], NOT_ASKED, error) for name, error in sorted(errors.items())),
        *(warning for name, found in sorted(facts.items()) for warning in _warnings(name, found, plan_context)),
    ]
    shown = replace(plan_context.with_changes(changes), warnings=[*plan_context.warnings, *warnings])
    return shown, {address: time for found in facts.values() for address, time in _ran(found)}


def _too_new(name: str, facts: LiveFacts, plan_context: PlanContext) -> Iterator[Diagnostic]:
    """What the running version cannot do."""
    environment = plan_context.environments[name]
    for address, lacking in sorted(facts.lacking.items()):
        for what, first in sorted(lacking.versions):
            yield Diagnostic(
                code="airflow-version",
                message=f"{address}: {what} needs Airflow {first} or later, and that at {facts.url} is {facts.version}",
                location=environment.source("airflow"),
                path=f"environments.{name}.airflow",
                hint="leave it out there, or see the docs of the setting for what does without",
            )


def _known(change: Change, facts: LiveFacts | None) -> Change:
    if facts is None or change.action == "none":
        return change
    return replace(change, known=(*change.known, *_facts_of(change, facts)))


def _facts_of(change: Change, facts: LiveFacts) -> Iterator[Known]:
    """What a reviewer wants to know of one deployment, the most urgent first."""
    error = facts.errors.get(change.file)
    if error is not None:
        (last,) = last_lines(error.traceback).splitlines()[-1:] or [""]
        yield Known("airflow", f"Airflow cannot import what is deployed: {last}", serious=True)
    if change.address not in facts.deployments:
        return
    deployment, runs = facts.deployments[change.address], facts.runs.get(change.address, ())
    if deployment is None or deployment.stale:
        if change.action != "create":
            yield Known("airflow", "Airflow does not know the deployed DAG", serious=True)
        elif runs:
            yield Known("airflow", f"Airflow still has runs of an earlier {change.name}")
        return
    if deployment.paused:
        yield Known("airflow", "paused: no run starts until somebody unpauses it")
    active = [run for run in runs if run.state in _ACTIVE]
    if active:
        yield Known("airflow", _active(change, active))
    ended = next((run for run in runs if run.ended), None)
    if ended is not None:
        yield Known("airflow", f"the last run {_ended(ended)}", serious=ended.state == "failed")
    if change.action == "create":
        yield Known("airflow", "Airflow has a DAG of this name already", serious=True)
    if facts.most_items is not None and _has_foreach(change):
        yield Known("airflow", f"a foreach of more than {facts.most_items:,} items fails (max_map_length)")


def _active(change: Change, runs: Sequence[LiveRun]) -> str:
    who = "1 run is active" if len(runs) == 1 else f"{len(runs)} runs are active"
    each = "it" if len(runs) == 1 else "them"
    if change.action == "delete":
        return f"{who}: what has not started of {each} never will"
    return f"{who}: what has not started of {each} runs as the new file says"


def _ended(run: LiveRun) -> str:
    word = {"success": "succeeded", "failed": "failed"}[run.state]
    when = _minutes(run.ended_at)
    return f"{word}, {when}" if when else word


def _minutes(text: str | None) -> str:
    found = time_of(text)
    return f"{found:%Y-%m-%d %H:%M}" if found else ""


def _has_foreach(change: Change) -> bool:
    after = change.after
    return after is not None and any(step.kind == "foreach" for step in after.graph.steps.values())


def _ran(facts: LiveFacts) -> Iterator[tuple[str, datetime]]:
    for address, runs in facts.runs.items():
        times = [time for run in runs if run.kind == "scheduled" and (time := time_of(run.logical_date))]
        if times:
            yield address, max(times)


def _warnings(name: str, facts: LiveFacts, plan_context: PlanContext) -> Iterator[Diagnostic]:
    environment = plan_context.environments[name]
    path = f"environments.{name}.airflow"

    def warning(message: str, hint: str = "") -> Diagnostic:
        return Diagnostic("airflow", message, environment.source("airflow"), path, hint, Severity.WARNING)

    for (kind, missing, hint), addresses in sorted(_lacking(facts).items()):
        who = ", ".join(addresses[:_MOST_NAMES]) + (", ..." if len(addresses) > _MOST_NAMES else "")
        yield warning(f"Airflow at {facts.url} has no {kind} {missing}, which {who} needs", hint)
    if ghosts := _ghosts(name, facts, plan_context):
        some = ", ".join(ghosts[:_MOST_NAMES]) + (
            f" and {len(ghosts) - _MOST_NAMES} more" if ghosts[_MOST_NAMES:] else ""
        )
        message = f"Airflow at {facts.url} has DAGs of this environment that are not at the target: {some}"
        yield warning(message, "it has not noticed yet that they are gone, or reads them from another place")
    for refusal in facts.unseen:
        yield warning(f"not checked: {refusal}")
    if facts.is_late:
        yield warning(
            f"Airflow at {facts.url} did not answer everything within {SECONDS:g} seconds: the rest was not checked"
        )
    number = sum(change.environment == name for change in plan_context.plan.pending)
    if number > MOST_ASKED:
        yield warning(f"Airflow was asked about the first {MOST_ASKED} of {number:,} changes")


def _lacking(facts: LiveFacts) -> Mapping[tuple[str, str, str], list[str]]:
    """The addresses that need something that is not there, by its kind, its name and what helps."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for address, lacking in sorted(facts.lacking.items()):
        for key in lacks(lacking):
            found.setdefault(key, []).append(address)
    return found


def lacks(lacking: Needs) -> Iterator[tuple[str, str, str]]:
    """The kind, the name and what helps of each thing that is not there."""
    for name in lacking.pools:
        yield "pool", name, "its tasks would wait for ever: create the pool, or mend its name"
    for name in lacking.connections:
        yield "connection", name, "its sensor would fail: create the connection, or mend its name"
    for name in lacking.providers:
        yield "provider", name, "the DAG could not be imported: install it where Airflow runs"
    for name in lacking.told_by:
        yield "connection", name, "somebody would not be told of a run: create the connection, or mend its name"
    for name in lacking.notifiers:
        yield "provider", name, "somebody would not be told of a run: install it where Airflow runs"


def _ghosts(name: str, facts: LiveFacts, plan_context: PlanContext) -> Sequence[str]:
    """The DAGs that the orchestrator has from this environment, by their tags, though the target has no such file."""
    environment = plan_context.environments[name]
    (state,) = [state for state in plan_context.deployed.states if state.environment == name]
    ours = f"env:{name}"
    branch = environment.branch.is_preview
    return sorted(
        summary.name
        for summary in (facts.known or {}).values()
        if ours in summary.tags
        and not summary.stale
        and not branch
        and summary.name not in state.dags
        and not any(tag.startswith("branch:") for tag in summary.tags)
    )
