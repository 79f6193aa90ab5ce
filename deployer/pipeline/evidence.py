"""Says of each change whether the same code runs in the environment that it is promoted from, and how it went there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from deployer.context import Context
from deployer.errors import DeployError, Diagnostic, Severity
from deployer.models.deployment import Environment
from deployer.models.description import Description
from deployer.models.live import LiveError, LiveRun, duration_text, time_of
from deployer.models.plan import Change, Known
from deployer.models.record import Record
from deployer.pipeline.live import live_warning
from deployer.pipeline.live_facts import ask_for_runs
from deployer.plan_context import PlanContext
from deployer.state.survey import survey

_MOST_RUNS = 100
_MOST_FILES = 3


def with_evidence(plan_context: PlanContext, context: Context) -> PlanContext:
    """The same plan with evidence for each change that writes, where an environment is promoted from another.

    What cannot be read of the other environment is a warning.
    """
    warnings: list[Diagnostic] = []
    found: dict[str, Known] = {}
    for name in plan_context.plan.targets:
        environment = plan_context.environments[name]
        changes = [change for change in plan_context.plan.pending if change.environment == name and change.writes]
        if environment.promotes_from is None or not changes:
            continue
        earlier = plan_context.environments[environment.promotes_from]
        try:
            records = _records(earlier, plan_context, context)
        except DeployError as error:
            message = (
                f"nothing is known of {earlier.name}, which {name} is promoted from: {error.diagnostics[0].message}"
            )
            warnings.append(
                Diagnostic("no-evidence", message, environment.source("promotes_from"), severity=Severity.WARNING)
            )
            continue
        same = {change.address: records[_flow(change)] for change in changes if _is_same(change, records)}
        runs, problems = _runs(earlier, same, context)
        warnings += problems
        for change in changes:
            record = records.get(_flow(change))
            found[change.address] = _evidence(change, earlier.name, record, runs.get(change.address))
    changed = [_with(change, found.get(change.address)) for change in plan_context.plan.changes]
    return replace(plan_context.with_changes(changed), warnings=[*plan_context.warnings, *warnings])


def _with(change: Change, known: Known | None) -> Change:
    return change if known is None else replace(change, known=(*change.known, known))


def _records(environment: Environment, plan_context: PlanContext, context: Context) -> Mapping[str, Record]:
    """What is deployed in an environment, by the flow's name. Raises DeployError."""
    context.progress(f"reading {environment.name}")
    states = plan_context.deployed.states
    state = next((state for state in states if state.environment == environment.name), None)
    if state is None:
        (state,) = survey([environment], context.connect, (), branches=plan_context.desired.manifests.branches).states
    found = (item.record for item in state.deployed if item.record and state.owns(item))
    return {record.address.partition("/")[2]: record for record in found}


def _flow(change: Change) -> str:
    return change.address.partition("/")[2]


def _is_same(change: Change, records: Mapping[str, Record]) -> bool:
    """Whether the very code and graph of a change are deployed in the earlier environment."""
    record = records.get(_flow(change))
    after, there = change.after, record.description if record else None
    if after is None or not isinstance(there, Description):
        return False
    return (after.code.files, after.graph) == (there.code.files, there.graph)


def _runs(
    environment: Environment, same: Mapping[str, Record], context: Context
) -> tuple[Mapping[str, Sequence[LiveRun]], list[Diagnostic]]:
    """The runs of the same code by address of the change; a warning where the orchestrator does not say."""
    names = {address: record.name for address, record in same.items()}
    try:
        found = ask_for_runs(environment, names, _MOST_RUNS, context)
    except LiveError as error:
        return {}, [live_warning(environment, f"how it went in {environment.name} is not known", error)]
    return {address: [*_since(runs, same[address])] for address, runs in found.items()}, []


def _since(runs: Sequence[LiveRun], record: Record) -> Iterator[LiveRun]:
    """The runs that started after this very file was applied."""
    applied = time_of(record.provenance.applied_at) if record.provenance else None
    for run in runs:
        started = time_of(run.started_at)
        if started and (applied is None or started >= applied):
            yield run


def _evidence(change: Change, earlier: str, record: Record | None, runs: Sequence[LiveRun] | None) -> Known:
    flow = _flow(change)
    if record is None:
        return Known("evidence", f"{earlier} does not have {flow}", serious=True)
    if not _is_same(change, {flow: record}):
        return Known("evidence", f"not what {earlier} runs: {_difference(change, record)}", serious=True)
    since = record.provenance.applied_at[:10] if record.provenance else ""
    head = f"same code as {earlier}/{flow}" + (f", there since {since}" if since else "")
    if runs is None:
        return Known("evidence", head)
    ended = [run for run in runs if run.ended]
    if not ended:
        return Known("evidence", f"{head}; it has not run to an end there", serious=True)
    good = [run for run in ended if run.state == "success"]
    number = f"{len(runs)} or more" if len(runs) >= _MOST_RUNS else str(len(runs))
    parts = [f"{number} {'run' if len(runs) == 1 else 'runs'}", f"{len(good)} succeeded"]
    if len(ended) > len(good):
        parts.append(f"{len(ended) - len(good)} failed")
    if good and good[0].seconds is not None:
        parts.append(f"the last good one took {duration_text(good[0].seconds)}")
    return Known("evidence", f"{head}: {', '.join(parts)}", serious=ended[0].state != "success")


def _difference(change: Change, record: Record) -> str:
    """Which files differ, or that only the graph does."""
    there = record.description
    if change.after is None or not isinstance(there, Description):
        return "it was deployed by Metaflow's own command"
    ours, theirs = change.after.code.files, there.code.files
    names = sorted(name for name in {*ours, *theirs} if ours.get(name) != theirs.get(name))
    if not names:
        return "its steps differ"
    some = ", ".join(names[:_MOST_FILES])
    more = f" and {len(names) - _MOST_FILES} more" if len(names) > _MOST_FILES else ""
    return f"{some}{more} {'differs' if len(names) == 1 else 'differ'}"
