"""Everything at some targets by project, with what is known of who owns it.

A record says whose a file is. What it cannot say is whether that project still exists: of other projects no more is
known than whether the projects file at the target lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from deployer.manifest.projects import Projects
from deployer.models.deployment import Environment
from deployer.models.desired import Deployed, EnvironmentState
from deployer.models.inventory import (
    ORPHANED,
    Inventory,
    InventoryDag,
    InventoryFile,
    InventoryMark,
    InventoryProject,
    InventoryTarget,
    MarkWord,
)
from deployer.models.record import Record


@dataclass(frozen=True)
class _Place:
    """One target, with the states of the environments that publish there, and the projects file."""

    states: Sequence[EnvironmentState]
    file: Projects | None


def inventory(
    project: str,
    states: Sequence[EnvironmentState],
    environments: Mapping[str, Environment],
    files: Mapping[str, Projects],
    selects: Callable[[str], bool] = lambda address: True,
    *,
    narrowed: bool = False,
) -> Inventory:
    """What lies at the targets of the surveyed environments.

    `environments` are all of the manifests, `files` the projects files by environment. Only records whose address
    `selects` takes are listed; with `narrowed` files without a record are left out.
    """
    places: dict[str, list[EnvironmentState]] = {}
    for state in states:
        places.setdefault(environments[state.environment].target.resolved, []).append(state)
    found = (_Place(there, files.get(there[0].environment)) for there in places.values())
    return Inventory(
        project=project,
        targets=tuple(_target(project, place, environments, selects, narrowed) for place in found),
    )


def _target(
    project: str,
    place: _Place,
    environments: Mapping[str, Environment],
    selects: Callable[[str], bool],
    narrowed: bool,
) -> InventoryTarget:
    # Two environments may be of orchestrators that read different files.
    deployed = {item.file: item for state in place.states for item in state.deployed}
    by_project: dict[str, list[InventoryDag]] = {}
    for item in deployed.values():
        if item.record is not None and selects(item.record.address):
            dag = _dag(item, item.record, project, place, environments)
            by_project.setdefault(item.record.owner, []).append(dag)
    others = [] if narrowed else [_other(item) for item in deployed.values() if item.record is None]
    return InventoryTarget(
        target=environments[place.states[0].environment].target.written,
        environments=tuple(state.environment for state in place.states),
        projects_file=place.file.name if place.file else None,
        projects=tuple(_project(name, by_project[name], project, place.file) for name in sorted(by_project)),
        others=tuple(sorted(others, key=lambda each: each.file)),
    )


def _project(name: str, dags: Sequence[InventoryDag], own: str, file: Projects | None) -> InventoryProject:
    return InventoryProject(
        project=name,
        own=name == own,
        listed=name in file.content.projects if file else None,
        dags=tuple(sorted(dags, key=lambda dag: (dag.address, dag.file))),
    )


def _dag(
    item: Deployed, record: Record, project: str, place: _Place, environments: Mapping[str, Environment]
) -> InventoryDag:
    applied = record.provenance
    marks = [*_marks(item, record, project, place, environments)]
    return InventoryDag(
        address=record.address,
        environment=record.environment,
        name=record.name,
        file=item.file,
        branch=record.branch,
        git_branch=record.git_branch,
        applied_at=applied.applied_at if applied else "",
        applied_by=applied.applied_by if applied else "",
        commit=applied.commit if applied else None,
        orphaned=any(mark.word in ORPHANED for mark in marks),
        marks=tuple(marks),
    )


def _marks(
    item: Deployed, record: Record, project: str, place: _Place, environments: Mapping[str, Environment]
) -> Iterator[InventoryMark]:
    if record.owner == project:
        yield from _own_marks(item, record, place, environments)
    if place.file and place.file.content.others == "refuse" and record.owner not in place.file.content.projects:
        yield _mark("project unlisted", f"the project {record.owner} is not in {place.file.name}")
    if not item.intact:
        yield _mark("edited", "it was edited by hand after it was applied")


def _own_marks(
    item: Deployed, record: Record, place: _Place, environments: Mapping[str, Environment]
) -> Iterator[InventoryMark]:
    """What these manifests say of a file of their project, as far as they were asked."""
    name = record.environment
    state = next((each for each in place.states if each.environment == name), None)
    if name not in environments:
        yield _mark("environment gone", f"these manifests have no environment {name} any more")
    elif state is None:
        here = environments[place.states[0].environment].target.resolved
        if environments[name].target.resolved != here:
            text = f"these manifests publish {name} to {environments[name].target.written} now"
            yield _mark("moved", text)
    elif state.owns(item):
        if record.address not in state.known:
            yield _mark("unlisted", "these manifests do not list it any more")
    elif record.branch:
        yield _mark("preview", f"it is a preview of the branch {record.branch}: `mfdeploy previews --env {name}`")


def _mark(word: MarkWord, text: str) -> InventoryMark:
    return InventoryMark(word=word, text=text)


def _other(item: Deployed) -> InventoryFile:
    if item.native:
        text = "Metaflow's airflow create wrote it"
        return InventoryFile(file=item.file, kind="native", name=item.native.name, text=text)
    if item.problem:
        return InventoryFile(file=item.file, kind="damaged", name=None, text=item.problem)
    return InventoryFile(file=item.file, kind="other", name=None, text="it has no record: mfdeploy did not write it")
