"""mfdeploy history: what was applied to an environment, when, by whom and from which commit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace

from deployer.context import Context
from deployer.errors import DeployError
from deployer.models.deployment import Environment
from deployer.models.history import Entry, Unrecorded
from deployer.models.selection import Selection
from deployer.models.target import Target, TargetError
from deployer.pipeline.selecting import refuse_unmatched
from deployer.state.history import list_entries, read_entry
from deployer.state.survey import DeployedState, survey, target_problem


@dataclass(frozen=True)
class HistoryResult:
    """The entries of an environment, the newest first, and how many older ones were not asked for.

    An entry has the selected changes only. `unrecorded` are the DAGs that say of themselves that they were applied
    after the oldest entry here, by none of these.
    """

    environment: Environment
    entries: Sequence[Entry]
    older: int
    unrecorded: Sequence[Unrecorded]


def history(selection: Selection, environment: str, limit: int, context: Context) -> HistoryResult:
    """The newest `limit` entries that touched what the selection takes. Raises DeployError."""
    chosen = replace(selection, environments=(environment,))
    manifests = context.load(chosen)
    place = manifests.environments[environment]
    state = survey([place], context.connect, ())
    try:
        read, older = _newest(state.targets[environment], place, chosen, limit)
    except TargetError as error:
        raise DeployError(target_problem(place, str(error))) from error
    unrecorded = tuple(find_unrecorded(state, environment, read, complete=not older))
    entries = [_narrowed(entry, chosen) for entry in read]
    if not any(entry.changes for entry in entries):
        # Patterns that match nothing that is, was or is to be deployed are misspelt.
        listed = (item.address for item in manifests.deployments)
        changed = (change.address for entry in read for change in entry.changes)
        refuse_unmatched(chosen, {*listed, *changed, *state.addresses})
    return HistoryResult(
        place,
        entries=[entry for entry in entries if entry.changes],
        older=older,
        unrecorded=[each for each in unrecorded if chosen.selects(each.address)],
    )


def find_unrecorded(
    state: DeployedState, environment: str, entries: Sequence[Entry], complete: bool
) -> Iterator[Unrecorded]:
    """Deployed DAGs that none of the entries (the newest ones, in any order) tells of.

    `complete` says that there are no older entries: then a DAG that was applied before all of them counts too.
    """
    since = "" if complete or not entries else min(entry.applied_at for entry in entries)
    told = {
        (change.file, entry.applied_at) for entry in entries for change in entry.changes if change.outcome == "done"
    }
    site = next(site for site in state.sites if site.environment == environment)
    for item in site.deployed:
        record = item.record
        if record is None or record.provenance is None:
            continue
        if (record.owner, record.environment) != (site.project, environment):
            continue
        if record.provenance.applied_at >= since and (item.file, record.provenance.applied_at) not in told:
            yield Unrecorded(address=record.address, name=record.name, **asdict(record.provenance))


def _newest(target: Target, place: Environment, selection: Selection, limit: int) -> tuple[list[Entry], int]:
    """As many entries as hold `limit` that are selected, and how many older ones there are."""
    names = list_entries(target, place.project, place.name)
    read: list[Entry] = []
    for name in names:
        if sum(bool(_narrowed(entry, selection).changes) for entry in read) >= limit:
            break
        read.append(read_entry(target, place.project, place.name, name))
    return read, len(names) - len(read)


def _narrowed(entry: Entry, selection: Selection) -> Entry:
    return entry.model_copy(
        update={"changes": [change for change in entry.changes if selection.selects(change.address)]}
    )
