"""mfdeploy rollback: plan the way back to what was deployed right after an entry of the history."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from deployer import __version__
from deployer.applying.restored import DagFile, file_of, find_earlier, same
from deployer.commands.planning import PlanContext
from deployer.description import explain
from deployer.errors import DeployError
from deployer.manifest.load import load_selection
from deployer.models.deployment import Environment
from deployer.models.desired import Deployed, EnvironmentState
from deployer.models.history import Entry
from deployer.models.plan import Action, Change, Edit, Plan, Reason
from deployer.models.progress import Progress
from deployer.models.record import Provenance
from deployer.models.selection import Selection
from deployer.models.target import Target, TargetError
from deployer.pipeline import build as desired
from deployer.pipeline.build import DesiredState
from deployer.state.history import find_entry, list_entries, read_entry
from deployer.state.survey import survey, target_problem

RestoredFiles = Mapping[tuple[str, str], DagFile]
"""The DAG files to put back, by environment and file name."""


def plan_rollback(selection: Selection, given: str, progress: Progress) -> tuple[PlanContext, RestoredFiles]:
    """The plan that goes back to the entry `given` of the selection's one environment. Raises DeployError.

    Neither flows nor manifests of then are needed, and no flow is compiled: what was deployed is in the history.
    """
    (name,) = selection.environments
    manifests = load_selection(selection, os.environ)
    environment = manifests.environments[name]
    progress("reading what is deployed, and the history")
    deployed = survey([environment], ())
    entries, entry = _entries(deployed.targets[name], environment, given)
    site = deployed.sites[0]
    _refuse_unmatched(selection, entries, site)
    files = find_earlier(entry, entries, site, selection.selects)
    plan = Plan(
        changes=tuple(sorted(_changes(entry, files, site, selection), key=lambda each: (each.address, each.file))),
        targets={name: environment.target.written},
        flows=selection.flows,
        exclude=selection.exclude,
        tool_version=__version__,
        rollback=entry.id,
    )
    kept = {(name, file): found for file, found in files.items() if found is not None}
    return PlanContext(selection.manifests, plan, DesiredState(manifests, (), ()), deployed), kept


def restored_content(
    planning: PlanContext, kept: RestoredFiles, provenance: Provenance
) -> dict[tuple[str, str], bytes]:
    """The DAG files to write: as they were, but for who applied them and when. The commit stays that of their code."""
    return {
        (change.environment, change.file): _restored(kept[change.environment, change.file], provenance)
        for change in planning.plan.pending
        if change.writes
    }


def _restored(kept: DagFile, provenance: Provenance) -> bytes:
    before = kept.record.provenance
    applied = replace(provenance, commit=before.commit if before else None)
    return file_of(kept, replace(kept.record, provenance=applied))


def _entries(target: Target, environment: Environment, given: str) -> tuple[Sequence[Entry], Entry]:
    try:
        known = list_entries(target, environment.project, environment.name)
        chosen = find_entry(given, known)
        entries = [read_entry(target, environment.project, environment.name, each) for each in known]
    except TargetError as error:
        raise DeployError(target_problem(environment, str(error))) from error
    return entries, next(entry for entry in entries if entry.id == chosen)


def _refuse_unmatched(selection: Selection, entries: Sequence[Entry], site: EnvironmentState) -> None:
    addresses = {change.address for entry in entries for change in entry.changes}
    addresses |= {item.record.address for item in site.deployed if item.record}
    problems = desired.unmatched_patterns(selection, addresses)
    if problems:
        raise DeployError(problems)


def _changes(
    entry: Entry, files: Mapping[str, DagFile | None], site: EnvironmentState, selection: Selection
) -> Iterator[Change]:
    for file, kept in files.items():
        now = site.files.get(file)
        if kept is not None:
            yield _put_back(entry, file, kept, now, site)
        elif now is not None and now.record is not None and _is_ours(now, site):
            note = f"it was not deployed after {entry.id}"
            yield _change(now.record.address, site, "delete", file, now, None, [Reason("rollback", note=note)])
    for file, now in site.files.items():
        record = now.record
        if file not in files and record is not None and _is_ours(now, site) and selection.selects(record.address):
            yield _change(record.address, site, "none", file, now, None, [])


def _put_back(entry: Entry, file: str, kept: DagFile, now: Deployed | None, site: EnvironmentState) -> Change:
    address = kept.record.address
    reasons = [Reason("rollback", note=f"back to what it was after {entry.id}")]
    if now is None:
        return _change(address, site, "create", file, now, kept, reasons)
    if now.record is None or not _is_ours(now, site):
        note = now.problem or f"{file} is there, and is not of this project and environment any more"
        return _change(address, site, "conflict", file, now, kept, [Reason("conflict", note=note)])
    if same(kept, now):
        return _change(address, site, "none", file, now, kept, [])
    if not now.intact:
        reasons.append(
            Reason("drifted", note="the DAG file was edited by hand; the edit would be lost", edit=Edit(file))
        )
    reasons += explain(now.record.description, kept.record.description)
    return _change(address, site, "update", file, now, kept, reasons)


def _is_ours(now: Deployed, site: EnvironmentState) -> bool:
    record = now.record
    return record is not None and (record.owner, record.environment) == (site.project, site.environment)


def _change(
    address: str,
    site: EnvironmentState,
    action: Action,
    file: str,
    now: Deployed | None,
    kept: DagFile | None,
    reasons: Sequence[Reason],
) -> Change:
    deployed = now.record if now else None
    described = kept.record if kept else deployed
    assert described is not None
    after = None if action == "delete" else described.description
    return Change(
        address=address,
        environment=site.environment,
        action=action,
        dag_id=described.dag_id,
        file=file,
        reasons=tuple(reasons),
        before=deployed.description if deployed else None,
        after=after,
        version=now.version if now else None,
    )
