"""mfdeploy history: what was applied to an environment, when, by whom and from which commit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace

from deployer.context import Context
from deployer.errors import DeployError, Diagnostic
from deployer.models.deployment import Environment
from deployer.models.desired import EnvironmentState
from deployer.models.history import Entry, Unrecorded
from deployer.models.selection import Selection
from deployer.models.target import Target, TargetError
from deployer.pipeline.selecting import refuse_unmatched
from deployer.state.history import MOST_ENTRIES, Entries, list_with_strays, read_entries
from deployer.state.survey import survey, target_problem


@dataclass(frozen=True)
class HistoryResult:
    """The entries of an environment, newest first, and how many older ones were not read.

    An entry has only its selected changes. `unrecorded` are the deployed DAGs that were applied after the oldest entry
    here, but by none of these entries. `warnings` are about entries that cannot be read.
    """

    environment: Environment
    entries: Sequence[Entry]
    older: int
    unrecorded: Sequence[Unrecorded]
    warnings: Sequence[Diagnostic] = ()


def history(selection: Selection, name: str, limit: int, context: Context) -> HistoryResult:
    """The newest `limit` entries of the environment `name` with selected changes. Raises DeployError."""
    chosen = replace(selection, environments=(name,))
    manifests = context.load(chosen)
    environment = manifests.environments[name]
    deployed = survey([environment], context.connect, (), branches=manifests.branches)
    try:
        found, older = _newest(deployed.targets[name], environment, chosen, limit)
    except TargetError as error:
        raise DeployError(target_problem(environment, str(error))) from error
    read = found.read
    (state,) = deployed.states
    unrecorded = tuple(find_unrecorded(state, read, complete=not older))
    entries = [_narrowed(entry, chosen) for entry in read]
    if not any(entry.changes for entry in entries):
        # A pattern is misspelt if it matches no listed, no changed and no deployed address.
        listed = (item.address for item in manifests.deployments)
        changed = (change.address for entry in read for change in entry.changes)
        refuse_unmatched(chosen, {*listed, *changed, *deployed.addresses})
    return HistoryResult(
        environment,
        entries=[entry for entry in entries if entry.changes],
        older=older,
        unrecorded=[item for item in unrecorded if chosen.selects(item.address)],
        warnings=found.warnings,
    )


def find_unrecorded(state: EnvironmentState, entries: Sequence[Entry], complete: bool) -> Iterator[Unrecorded]:
    """Our deployed DAGs that none of the newest entries (in any order) mentions.

    `complete` is true if there are no older entries: a DAG that was applied before all of them then counts, too.
    """
    since = "" if complete or not entries else min(entry.applied_at for entry in entries)
    recorded = {
        (change.file, entry.applied_at) for entry in entries for change in entry.changes if change.outcome == "done"
    }
    for item in state.deployed:
        record = item.record
        if record is None or record.provenance is None or not state.owns(item):
            continue
        if record.provenance.applied_at >= since and (item.file, record.provenance.applied_at) not in recorded:
            yield Unrecorded(address=record.address, name=record.name, **asdict(record.provenance))


def _newest(target: Target, environment: Environment, selection: Selection, limit: int) -> tuple[Entries, int]:
    """The newest entries, up to `limit` with selected changes, and how many older ones there are."""
    ids, strays = list_with_strays(target, environment.project, environment.label)
    read: list[Entry] = []
    warnings = list(strays)
    asked = selected = 0
    while asked < len(ids) and selected < limit:
        # Side by side, and where most are selected no more than are shown.
        size = MOST_ENTRIES if asked else min(limit, MOST_ENTRIES)
        found = read_entries(target, environment.project, environment.label, ids[asked : asked + size])
        asked += size
        warnings += found.warnings
        for entry in found.read:
            if selected == limit:
                return Entries(read, warnings), len(ids) - ids.index(entry.id)
            read.append(entry)
            selected += bool(_narrowed(entry, selection).changes)
    return Entries(read, warnings), max(0, len(ids) - asked)


def _narrowed(entry: Entry, selection: Selection) -> Entry:
    return entry.model_copy(
        update={"changes": [change for change in entry.changes if selection.selects(change.address)]}
    )
