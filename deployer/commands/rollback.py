"""mfdeploy rollback: plan to restore what was deployed right after an entry of the history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from deployer import __version__
from deployer.applying.restored import RestoredFiles, find_earlier
from deployer.context import Context
from deployer.errors import DeployError
from deployer.models.deployment import Environment
from deployer.models.desired import DesiredState
from deployer.models.history import Entry
from deployer.models.plan import Change, Plan
from deployer.models.selection import Selection
from deployer.models.target import Target, TargetError
from deployer.pipeline.edits import with_edits_of
from deployer.pipeline.effects import with_effects
from deployer.pipeline.review import with_review
from deployer.pipeline.selecting import refuse_unmatched
from deployer.plan_context import PlanContext
from deployer.planning.rollback import rollback_changes
from deployer.state.history import find_entry, list_entries, read_entry
from deployer.state.survey import survey, target_problem


def plan_rollback(selection: Selection, given: str, context: Context) -> tuple[PlanContext, RestoredFiles]:
    """The plan that goes back to the entry `given`, and the files to restore. The selection has one environment.

    No flow is compiled, and neither old flows nor old manifests are needed: the history contains the DAG files.
    Raises DeployError.
    """
    (name,) = selection.environments
    manifests = context.load(selection)
    environment = manifests.environments[name]
    context.progress("reading what is deployed, and the history")
    deployed = survey([environment], context.connect, ())
    entries, entry = _entries(deployed.targets[name], environment, given)
    (state,) = deployed.states
    refuse_unmatched(selection, {*deployed.addresses, *(each.address for one in entries for each in one.changes)})
    files = find_earlier(entry, entries, state, selection.selects, context.orchestrator(environment))
    plan = Plan(
        changes=rollback_changes(entry.id, files, state, selection.selects),
        targets={name: environment.target.written},
        flows=selection.flows,
        exclude=selection.exclude,
        tool_version=__version__,
        rollback=entry.id,
    )
    restored = {(name, file): found for file, found in files.items() if found is not None}
    found = PlanContext(selection.manifests, plan, DesiredState(manifests, (), ()), deployed)

    def since(change: Change) -> datetime | None:
        """A restored deployment has the start date that it had before."""
        back = restored.get((change.environment, change.file))
        if back and back.record.since:
            return datetime.fromisoformat(back.record.since)
        return deployed.since(change)

    shown = with_effects(with_edits_of(found, restored), since, context)
    return with_review(shown, context), restored


def _entries(target: Target, environment: Environment, given: str) -> tuple[Sequence[Entry], Entry]:
    try:
        known = list_entries(target, environment.project, environment.name)
        chosen = find_entry(given, known)
        entries = [read_entry(target, environment.project, environment.name, each) for each in known]
    except TargetError as error:
        raise DeployError(target_problem(environment, str(error))) from error
    return entries, next(entry for entry in entries if entry.id == chosen)
