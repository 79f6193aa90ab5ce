"""mfdeploy rollback: plan to restore what was deployed right after an entry of the history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from deployer import __version__
from deployer.applying.restored import RestoredFiles, find_earlier
from deployer.commands.limits import with_limits
from deployer.context import Context
from deployer.errors import DeployError, Diagnostic, Severity
from deployer.models.deployment import Environment
from deployer.models.desired import DesiredState, RestoredFile
from deployer.models.history import Entry
from deployer.models.plan import Change, Plan
from deployer.models.selection import Selection
from deployer.models.target import Target, TargetError
from deployer.orchestrators.protocol import Orchestrator
from deployer.pipeline.edits import with_edits_of
from deployer.pipeline.effects import with_effects
from deployer.pipeline.known import with_known
from deployer.pipeline.policies import with_violations
from deployer.pipeline.review import with_review
from deployer.pipeline.selecting import refuse_unmatched
from deployer.pipeline.sources import Sources, restored_sources
from deployer.plan_context import PlanContext
from deployer.planning.rollback import rollback_changes
from deployer.state.history import find_entry, list_with_strays, read_entries, read_entry
from deployer.state.survey import survey, target_problem


def plan_rollback(
    selection: Selection, given: str, context: Context, *, diff: bool = False
) -> tuple[PlanContext, RestoredFiles, Sources]:
    """The plan that goes back to the entry `given`, and the files to restore. The selection has one environment.

    With `diff` also the text of each file before and after, else none.
    No flow is compiled, and neither old flows nor old manifests are needed: the history contains the DAG files.
    Raises DeployError.
    """
    (name,) = selection.environments
    manifests = context.load(selection)
    environment = manifests.environments[name]
    context.progress("reading what is deployed, and the history")
    deployed = survey([environment], context.connect, (), branches=manifests.branches, limits=True)
    entries, entry, warnings = _entries(deployed.targets[name], environment, given)
    (state,) = deployed.states
    refuse_unmatched(selection, {*deployed.addresses, *(each.address for one in entries for each in one.changes)})
    orchestrator = context.orchestrator(environment)
    try:
        files = find_earlier(entry, entries, state, selection.selects, orchestrator)
    except DeployError as error:
        raise DeployError([*error.diagnostics, *warnings]) from error
    plan = Plan(
        changes=rollback_changes(entry.id, files, state, selection.selects),
        targets={name: environment.target.written},
        flows=selection.flows,
        exclude=selection.exclude,
        tool_version=__version__,
        rollback=entry.id,
    )
    restored = {(name, file): found for file, found in files.items() if found is not None}
    disagreements = (_disagreement(file, found, orchestrator) for (_, file), found in sorted(restored.items()))
    warnings += [each for each in disagreements if each]
    found = PlanContext(selection.manifests, plan, DesiredState(manifests, (), ()), deployed, warnings)
    found = with_limits(found, selection, context)

    def since(change: Change) -> datetime | None:
        """A restored deployment has the start date that it had before."""
        back = restored.get((change.environment, change.file))
        if back and back.record.since:
            return datetime.fromisoformat(back.record.since)
        return deployed.since(change)

    known, ran = with_known(with_edits_of(found, restored), context)
    shown = with_effects(known, since, context, ran)
    shown = with_violations(with_review(shown, context), context)
    texts = restored_sources(shown, {key: each.body for key, each in restored.items()}) if diff else {}
    return shown, restored, texts


def _disagreement(file: str, restored: RestoredFile, orchestrator: Orchestrator) -> Diagnostic | None:
    """A warning if the text of a file and its record do not belong together: the plan shows the record."""
    found = list(orchestrator.disagreements(restored.body, restored.record))
    if not found:
        return None
    message = f"{restored.record.address}: the text of {file} does not belong to the description in it: {found[0]}"
    hint = "somebody changed it on purpose: --diff shows the text, which is what would run"
    return Diagnostic("text-and-record", message, hint=hint, severity=Severity.WARNING)


def _entries(target: Target, environment: Environment, given: str) -> tuple[Sequence[Entry], Entry, list[Diagnostic]]:
    """All entries that can be read, the one that is asked for, and warnings about the others.

    A file whose earlier content only an unreadable entry knows is refused by `find_earlier`, as after an apply that was
    killed before it wrote one.
    """
    try:
        known, strays = list_with_strays(target, environment.project, environment.label)
        wanted = find_entry(given, known)
        found = read_entries(target, environment.project, environment.label, known)
        chosen = {entry.id: entry for entry in found.read}.get(wanted)
        # Reading it once more says what is wrong with it.
        chosen = chosen or read_entry(target, environment.project, environment.label, wanted)
    except TargetError as error:
        raise DeployError(target_problem(environment, str(error))) from error
    return found.read, chosen, [*strays, *found.warnings]
