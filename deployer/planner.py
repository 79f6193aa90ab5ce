"""What would change, and why: desired and deployed in, plan out. No IO, no clock, no environment."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from deployer.description import explain
from deployer.models.desired import Deployed, Desired
from deployer.models.plan import Action, Change, Reason


@dataclass(frozen=True)
class Site:
    """One environment as the planner sees it.

    `known` are all addresses of the manifests in it, selected or not; `remembered` maps the files that an earlier apply
    left at the target to their addresses (it may be empty: then a file that was removed by hand looks new). `destroy`
    says that everything is to go, whatever the manifests list.
    """

    environment: str
    project: str
    deployed: Sequence[Deployed]
    known: Collection[str]
    remembered: Mapping[str, str] = field(default_factory=dict)
    destroy: bool = False


def plan_changes(
    desired: Sequence[Desired], sites: Sequence[Site], selects: Callable[[str], bool] = lambda address: True
) -> tuple[Change, ...]:
    """All changes of the selected addresses, those that change nothing included, sorted by address and file."""
    changes: list[Change] = []
    for site in sites:
        wanted = [item for item in desired if item.deployment.environment.name == site.environment]
        there = {item.file: item for item in site.deployed}
        changes += (_plan_one(item, there.get(item.file), site) for item in wanted)
        changes += _plan_deletes(wanted, site, selects)
    return tuple(sorted(changes, key=lambda change: (change.address, change.action == "delete", change.file)))


def _plan_one(desired: Desired, deployed: Deployed | None, site: Site) -> Change:
    if deployed is None:
        if site.remembered.get(desired.file) == desired.deployment.address:
            return _change(desired, None, "create", [Reason("missing", note="the DAG file was removed by hand")])
        return _change(desired, None, "create", [Reason("new")])
    conflict = _conflict(desired, deployed, site)
    if conflict:
        return _change(desired, deployed, "conflict", [Reason("conflict", note=conflict)])
    reasons = list(_reasons(desired, deployed))
    return _change(desired, deployed, "update" if reasons else "none", reasons)


def _conflict(desired: Desired, deployed: Deployed, site: Site) -> str:
    """Why the file at the desired place is not ours to write over; empty when it is."""
    record = deployed.record
    if record is None:
        return deployed.problem or f"{deployed.file} is there already and was not written by mfdeploy"
    if record.owner != site.project:
        return f"{deployed.file} is deployed by the manifest project {record.owner!r} ({record.address})"
    if record.environment != site.environment:
        return f"{deployed.file} is deployed by the environment {record.environment!r} ({record.address})"
    if record.dag_id != desired.dag_id:
        return f"{deployed.file} holds the DAG {record.dag_id!r}"
    return ""


def _reasons(desired: Desired, deployed: Deployed) -> Iterator[Reason]:
    record = deployed.record
    assert record is not None
    if not deployed.intact:
        yield Reason("drifted", note="the DAG file was edited by hand; the edit would be lost")
    if record.address != desired.deployment.address:
        note = f"the flow's entry was renamed from {record.address} to {desired.deployment.address}"
        yield Reason("settings", note=note)
    yield from explain(record.description, desired.description)


def _plan_deletes(wanted: Sequence[Desired], site: Site, selects: Callable[[str], bool]) -> Iterator[Change]:
    """Ours, and no longer in the manifests; or still there, but under another DAG id now."""
    files = {item.file for item in wanted}
    new_ids = {item.deployment.address: item.dag_id for item in wanted}
    for item in site.deployed:
        record = item.record
        if record is None or (record.owner, record.environment) != (site.project, site.environment):
            continue
        if item.file in files or not selects(record.address):
            continue
        if site.destroy:
            note = "everything that the manifests manage here is to go"
        elif record.address in new_ids:
            note = f"the DAG id is now {new_ids[record.address]}; the history of {record.dag_id} stays behind"
        elif record.address in site.known:
            continue
        else:
            note = "the manifests no longer list it"
        yield Change(
            address=record.address,
            environment=site.environment,
            action="delete",
            dag_id=record.dag_id,
            file=item.file,
            reasons=(Reason("removed", note=note),),
            before=record.description,
            version=item.version,
        )


def _change(desired: Desired, deployed: Deployed | None, action: Action, reasons: Sequence[Reason]) -> Change:
    record = deployed.record if deployed else None
    return Change(
        address=desired.deployment.address,
        environment=desired.deployment.environment.name,
        action=action,
        dag_id=desired.dag_id,
        file=desired.file,
        reasons=tuple(reasons),
        before=record.description if record else None,
        after=desired.description,
        version=deployed.version if deployed else None,
    )
