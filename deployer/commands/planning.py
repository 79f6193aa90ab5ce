"""Plan a selection: what the commands plan, apply and destroy have in common."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from deployer import __version__
from deployer.errors import DeployError, Diagnostic, Severity
from deployer.manifest.load import load_selection
from deployer.models.deployment import Environment
from deployer.models.desired import Desired
from deployer.models.flow import Package
from deployer.models.manifests import Manifests
from deployer.models.plan import Change, Plan
from deployer.models.progress import Progress
from deployer.models.selection import Selection
from deployer.pipeline import build as desired
from deployer.pipeline.build import DesiredState
from deployer.planning.adoption import check_adoptions, strays
from deployer.planning.planner import plan_changes
from deployer.planning.renamed import spare_renamed
from deployer.state.cache import CachedDescription, known_descriptions
from deployer.state.survey import DeployedState, Survey


@dataclass(frozen=True)
class PlanContext:
    """A plan with both sides that it was made from, and the folder of the manifests."""

    folder: Path
    plan: Plan
    desired: DesiredState
    deployed: DeployedState
    warnings: Sequence[Diagnostic] = ()

    @property
    def environments(self) -> Mapping[str, Environment]:
        return self.desired.manifests.environments

    def item(self, environment: str, file: str) -> Desired:
        """The deployment that writes this file. Raises KeyError."""
        return self._items[environment, file]

    @cached_property
    def _items(self) -> Mapping[tuple[str, str], Desired]:
        return {(item.deployment.environment.name, item.file): item for item in self.desired.items}

    def tokens(self, changes: Iterable[Change]) -> dict[str, str]:
        """The production tokens of the DAGs that changes write over, by address: their runs keep their namespace."""
        found: dict[str, str] = {}
        for change in changes:
            for item in self.deployed.holding(change):
                if item.production_token:
                    found.setdefault(change.address, item.production_token)
        return found

    def packages(self, writes: Sequence[Change], progress: Progress) -> Mapping[str, Package]:
        """The code packages of the DAGs to write, by address, as an apply would build them; nothing is stored."""
        items = [self.item(change.environment, change.file) for change in writes]
        if not items:
            return {}
        return desired.package(items, upload=False, user="", progress=progress, tokens=self.tokens(writes))


def make_plan(
    selection: Selection,
    progress: Progress,
    *,
    destroy: bool = False,
    check_cluster: bool | None = None,
    note_inputs: bool = False,
) -> PlanContext:
    """Compare what the manifests ask for with what is deployed. Nothing is written. Raises DeployError.

    A plan to destroy asks for nothing, so that all that the manifests manage is deleted; no flow is compiled.
    `check_cluster` asks the clusters whether they would take the pods; None leaves that to each environment.
    `note_inputs` is for an apply, which keeps what its descriptions were made from.
    """
    manifests = load_selection(selection, os.environ)
    chosen = _environments(manifests, selection)
    looking = _Looking(manifests, chosen, destroy, progress)
    state = DesiredState(manifests, (), ())
    if not destroy:

        def known() -> Mapping[str, CachedDescription]:
            # Of the pods that a cluster is asked for, every flow has to be compiled.
            return {} if _asks_clusters(chosen, check_cluster) else looking.known()

        def meanwhile() -> None:
            looking.deployed()
            import croniter  # noqa: F401  (what comes next needs it)

        state = desired.build_from(
            manifests, selection, progress, known=known, meanwhile=meanwhile, note_inputs=note_inputs
        )
    deployed, problems = looking.deployed()
    if deployed is None or state.errors:
        raise DeployError([*state.diagnostics, *problems])
    if _asks_clusters(chosen, check_cluster):
        state = _checked(state, chosen, check_cluster, progress)
    _refuse_unmatched(selection, state, deployed)
    changes = plan_changes(state.items, deployed.sites, selection.selects, selection.adopts)
    state = _compiled(state, changes, selection, progress)
    renamed: list[Diagnostic] = []
    if not destroy:
        changes, renamed = spare_renamed(selection, state, deployed, changes, progress)
    plan = Plan(
        changes=changes,
        targets={name: environment.target.written for name, environment in chosen.items()},
        flows=selection.flows,
        exclude=selection.exclude,
        adopt=selection.adopt,
        tool_version=__version__,
    )
    adoptions = check_adoptions(selection, changes, state, deployed)
    warnings = (*state.warnings, *adoptions, *renamed, *strays(state, deployed))
    return PlanContext(selection.manifests, plan, state, deployed, warnings)


def narrowed(selection: Selection, plan: Plan) -> Selection:
    """The selection that a saved plan was made with, on these manifests and variables."""
    return replace(
        selection,
        environments=tuple(plan.targets),
        flows=tuple(plan.flows),
        exclude=tuple(plan.exclude),
        adopt=tuple(plan.adopt),
    )


def _environments(manifests: Manifests, selection: Selection) -> dict[str, Environment]:
    names = selection.environments or manifests.environments
    return {name: manifests.environments[name] for name in sorted(names)}


def _asks_clusters(environments: Mapping[str, Environment], asked: bool | None) -> bool:
    return asked if asked is not None else any(each.check_cluster for each in environments.values())


class _Looking:
    """What is deployed; or why that cannot be told, which is told together with what is wrong with the flows."""

    def __init__(
        self, manifests: Manifests, environments: Mapping[str, Environment], destroy: bool, progress: Progress
    ) -> None:
        self._survey = Survey(environments.values(), [item.address for item in manifests.deployments], destroy)
        self._progress = progress

    def known(self) -> Mapping[str, CachedDescription]:
        """By address, what an earlier apply noted of its descriptions: asked for while the compiler starts."""
        if self._problems:
            return {}
        found: dict[str, CachedDescription] = {}
        for environment, deployed, index in self._survey.told():
            found.update(known_descriptions(environment, deployed, index.entries))
        return found

    def deployed(self) -> tuple[DeployedState | None, Sequence[Diagnostic]]:
        """What is deployed, all of it read: asked for while the compiler works, and then again."""
        return self._deployed

    @cached_property
    def _deployed(self) -> tuple[DeployedState | None, Sequence[Diagnostic]]:
        if self._problems:
            return None, self._problems
        try:
            return self._survey.finish(), ()
        except DeployError as error:
            return None, error.diagnostics

    @cached_property
    def _problems(self) -> Sequence[Diagnostic]:
        self._progress("reading what is deployed")
        try:
            self._survey.begin()
        except DeployError as error:
            return error.diagnostics
        return ()


def _compiled(state: DesiredState, changes: Iterable[Change], selection: Selection, progress: Progress) -> DesiredState:
    """The state with all flows compiled, if one was taken as it is and its DAG needs something after all."""
    pending = {change.address for change in changes if change.action in ("create", "update", "conflict")}
    if all(item.compiled for item in state.items if item.deployment.address in pending):
        return state
    return replace(desired.build_from(state.manifests, selection, progress), diagnostics=state.diagnostics)


def _checked(state: DesiredState, names: Collection[str], asked: bool | None, progress: Progress) -> DesiredState:
    """The state with the warnings of the clusters, whose errors refuse the plan."""
    from deployer.pipeline.cluster_check import check_clusters

    found = check_clusters(state, names, asked, os.environ, progress)
    if any(problem.severity is Severity.ERROR for problem in found):
        raise DeployError([*state.diagnostics, *found])
    return replace(state, diagnostics=(*state.diagnostics, *sorted(found, key=lambda problem: problem.sort_key)))


def _refuse_unmatched(selection: Selection, state: DesiredState, deployed: DeployedState) -> None:
    listed = (item.address for item in state.manifests.deployments)
    problems = desired.unmatched_patterns(selection, {*listed, *deployed.addresses})
    if problems:
        raise DeployError(problems)
