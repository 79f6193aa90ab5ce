"""mfdeploy plan --against: what differs from what another revision of the repository would deploy.

That revision's files are put into a temporary folder and go through the same pipeline. No target is read, so that it
needs no access to one.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from deployer import __version__
from deployer.commands.planning import PlanContext
from deployer.errors import DeployError, Diagnostic, Location, Severity
from deployer.manifest.load import outline
from deployer.models.desired import Deployed, Desired, EnvironmentState
from deployer.models.plan import Baseline, Change, Plan
from deployer.models.progress import Progress
from deployer.models.record import Record
from deployer.models.selection import Selection
from deployer.pipeline import build as desired
from deployer.pipeline.build import DesiredState
from deployer.planning.planner import plan_changes
from deployer.state.survey import DeployedState
from deployer.vcs.repository import Revision, check_out, find_revision

Sources = Mapping[str, tuple[str, str]]


@dataclass(frozen=True)
class _Base:
    """What the revision would deploy, of what was selected; `targets` as it writes them, by environment."""

    items: tuple[Desired, ...]
    project: str
    targets: Mapping[str, str]
    addresses: frozenset[str]


_NOTHING = _Base((), "", {}, frozenset())


def plan_against(
    selection: Selection, name: str, progress: Progress, diff: bool = False
) -> tuple[PlanContext, Sources]:
    """The plan from a revision to the working tree; if `diff` asks for it, also both texts of each DAG file in it.

    Nothing is written but a temporary folder, which is gone afterwards. Raises DeployError; a problem of the revision
    is told with its name before the file's.
    """
    state = desired.build_or_refuse(selection, os.environ, progress)
    revision = find_revision(selection.manifests, name)
    with _tree(revision) as tree:
        progress(f"compiling {name}")
        base = _build(selection, revision, tree, progress)
        planned = _plan(selection, state, base, revision)
        sources = _sources(planned, base, progress) if diff else {}
    # The place of a local datastore is in a DAG file: it is the working tree's, whatever the code was read from.
    sources = {name: (before.replace(str(tree), str(revision.top)), after) for name, (before, after) in sources.items()}
    return planned, sources


@contextmanager
def _tree(revision: Revision) -> Iterator[Path]:
    """The revision's files in a folder of their own; Python finds the modules of PYTHONPATH there as well."""
    with tempfile.TemporaryDirectory(prefix="mfdeploy-") as temporary:
        tree = Path(temporary).resolve() / "tree"
        check_out(revision, tree)
        before = os.environ.get("PYTHONPATH")
        try:
            if before:
                os.environ["PYTHONPATH"] = os.pathsep.join(
                    str(_moved(Path(entry), revision.top, tree)) for entry in before.split(os.pathsep) if entry
                )
            yield tree
        except DeployError as error:
            raise DeployError([_named(each, revision, tree) for each in error.diagnostics]) from error
        finally:
            if before:
                os.environ["PYTHONPATH"] = before


def _moved(path: Path, top: Path, tree: Path) -> Path:
    """A path of the working tree as one of the revision's."""
    full = path.resolve()
    return tree / full.relative_to(top) if full.is_relative_to(top) else full


def _named(problem: Diagnostic, revision: Revision, tree: Path) -> Diagnostic:
    """A problem of the revision, with git's name of the file: ``main:deployments/a.yaml``."""
    place = problem.location
    if place and str(tree) in str(Path(place.file).absolute()):
        shown = Path(os.path.normpath(Path(place.file).absolute())).relative_to(tree)
        place = Location(f"{revision.name}:{shown.as_posix()}", place.line, place.column)
    message, hint = (text.replace(f"{tree}/", f"{revision.name}:") for text in (problem.message, problem.hint))
    return replace(problem, location=place, message=message, hint=hint)


def _build(selection: Selection, revision: Revision, tree: Path, progress: Progress) -> _Base:
    folder = _moved(selection.manifests, revision.top, tree)
    if not folder.is_dir():
        return _NOTHING  # the manifests are new
    known = outline(folder)
    asked = tuple(name for name in selection.environments if name in known.environments)
    if selection.environments and not asked:
        return _NOTHING
    variables = {name: value for name, value in selection.variables.items() if name in known.variables}
    there = replace(selection, manifests=folder, environments=asked, variables=variables)
    state = desired.build_or_refuse(there, os.environ, progress)
    environments = state.manifests.environments
    return _Base(
        items=state.items,
        project=state.manifests.project,
        targets={name: environments[name].target.written for name in asked or environments},
        addresses=frozenset(item.address for item in state.manifests.deployments),
    )


def _plan(selection: Selection, state: DesiredState, base: _Base, revision: Revision) -> PlanContext:
    known = [item.address for item in state.manifests.deployments]
    problems = desired.unmatched_patterns(selection, {*known, *base.addresses})
    if problems:
        raise DeployError(problems)
    environments = state.manifests.environments
    names = sorted(selection.environments or environments)
    sites = tuple(_site(name, state.manifests.project, base, known) for name in names)
    plan = Plan(
        changes=tuple(
            replace(change, version=None)
            for change in plan_changes(state.items, sites, selection.selects, selection.adopts)
        ),
        targets={name: environments[name].target.written for name in names},
        flows=selection.flows,
        exclude=selection.exclude,
        adopt=selection.adopt,
        against=Baseline(revision.name, revision.commit),
        tool_version=__version__,
    )
    warnings = (*state.warnings, *_of_environments(plan.targets, base.targets, bool(selection.environments)))
    return PlanContext(selection.manifests, plan, state, DeployedState({}, sites), warnings)


def _site(name: str, project: str, base: _Base, known: Sequence[str]) -> EnvironmentState:
    """The environment as it would be if the revision had been applied to an empty target."""
    items = [item for item in base.items if item.deployment.environment.name == name]
    deployed = tuple(Deployed(item.file, "", _record(item, base.project)) for item in items)
    return EnvironmentState(name, project, deployed, frozenset(known))


def _record(item: Desired, project: str) -> Record:
    deployment = item.deployment
    return Record(project, deployment.environment.name, deployment.address, item.dag_id, item.description, "", "")


def _of_environments(after: Mapping[str, str], before: Mapping[str, str], narrowed: bool) -> Iterator[Diagnostic]:
    """What a plan cannot show: environments that have another target, and those that are no more."""
    for name in sorted(set(after) & set(before)):
        if after[name] != before[name]:
            message = f"{name}: the target changes from {before[name]} to {after[name]}: all DAGs are created there"
            yield _warning(message, "those at the old target stay; `mfdeploy destroy` them before the change is merged")
    for name in () if narrowed else sorted(set(before) - set(after)):
        message = f"the environment {name!r} is no more: what it deployed to {before[name]} stays there"
        yield _warning(message, "`mfdeploy destroy` it before the change is merged")


def _warning(message: str, hint: str) -> Diagnostic:
    return Diagnostic("environment", message, hint=hint, severity=Severity.WARNING)


def _sources(planned: PlanContext, base: _Base, progress: Progress) -> Sources:
    """The DAG files' texts as the revision and the working tree would write them, by ``environment/file``."""
    pending = planned.plan.pending
    old = {(item.deployment.environment.name, item.file): item for item in base.items}
    new = {(change.environment, change.file): change for change in pending if change.action != "delete"}
    before = [old[key] for key in _files(pending) if key in old]
    after = [planned.item(*key) for key in new]
    texts = [_texts(items, progress) for items in (before, after)]
    return {f"{key[0]}/{key[1]}": (texts[0].get(key, ""), texts[1].get(key, "")) for key in _files(pending)}


def _files(pending: Sequence[Change]) -> list[tuple[str, str]]:
    return sorted({(change.environment, change.file) for change in pending})


def _texts(items: Sequence[Desired], progress: Progress) -> dict[tuple[str, str], str]:
    built = desired.package(items, upload=False, user="", progress=progress) if items else {}
    return {
        (item.deployment.environment.name, item.file): desired.render(item, built[item.deployment.address])
        for item in items
    }
