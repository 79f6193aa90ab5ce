"""Which previews an environment has, and which of them outlived their git branch."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from deployer.models.desired import EnvironmentState
from deployer.models.previews import Preview, PreviewDag, PreviewState
from deployer.models.record import Record


@dataclass(frozen=True)
class KnownBranches:
    """The branches that exist. `listed` is a complete list that the user gave; None if git was asked.

    Git was asked for `local` branches and for those at `origin`; that is None if origin could not be asked, and
    `problem` says why.
    """

    listed: Collection[str] | None = None
    local: Collection[str] = ()
    origin: Collection[str] | None = None
    problem: str = ""


def find_previews(state: EnvironmentState, known: KnownBranches) -> tuple[Preview, ...]:
    """The previews in an environment, by the name of the branch: what was deployed for other than the main branch."""
    found: dict[str, list[Record]] = {}
    for item in state.deployed:
        record = item.record
        if record is None or not record.branch or not record.is_owned_by(state.project, state.environment):
            continue
        if record.branch != state.branches.get(record.address, state.branch).main:
            found.setdefault(record.branch, []).append(record)
    return tuple(_preview(branch, found[branch], known) for branch in sorted(found))


def _preview(branch: str, records: Sequence[Record], known: KnownBranches) -> Preview:
    git_branches = tuple(sorted({record.git_branch for record in records if record.git_branch}))
    applies = [record.provenance for record in records if record.provenance]
    last = max(applies, key=lambda provenance: provenance.applied_at, default=None)
    state, where = _state(branch, git_branches, known)
    return Preview(
        branch=branch,
        git_branches=git_branches,
        applied_by=last.applied_by if last else "",
        applied_at=last.applied_at if last else "",
        state=state,
        found=where,
        dags=tuple(PreviewDag(address=each.address, name=each.name) for each in _sorted(records)),
    )


def _sorted(records: Sequence[Record]) -> list[Record]:
    return sorted(records, key=lambda record: (record.address, record.name))


def _state(branch: str, git_branches: Sequence[str], known: KnownBranches) -> tuple[PreviewState, str]:
    names = {branch, *git_branches}
    if known.listed is not None:
        return ("exists", "listed") if names & set(known.listed) else ("gone", "not listed")
    places = list(_places(names, known))
    if places:
        return "exists", " and ".join(places)
    if known.origin is None:
        return "unknown", known.problem
    if not git_branches:
        return "unknown", "it is not known which git branch it was applied from"
    return "gone", "neither at origin nor here"


def _places(names: Collection[str], known: KnownBranches) -> Iterator[str]:
    if any(name in names for name in known.origin or ()):
        yield "at origin"
    if any(name in names for name in known.local):
        yield "here"
