"""mfdeploy previews: what the branches of an environment have deployed, and the end of those that are gone."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from deployer.commands.apply import Prepared, prepare
from deployer.context import Context, Started
from deployer.errors import DeployError, Diagnostic, Severity
from deployer.models.branches import Branch
from deployer.models.deployment import Environment
from deployer.models.manifests import Manifests
from deployer.models.previews import Preview
from deployer.models.selection import Selection
from deployer.planning.previews import KnownBranches, find_previews
from deployer.state.survey import survey
from deployer.vcs.repository import branches_at_origin, local_branches


@dataclass(frozen=True)
class PreviewsResult:
    """The previews of an environment, by the name of the branch."""

    environment: Environment
    previews: Sequence[Preview]
    warnings: Sequence[Diagnostic] = ()

    @property
    def gone(self) -> Sequence[Preview]:
        """Those whose git branch does not exist any more."""
        return [preview for preview in self.previews if preview.state == "gone"]


def previews(selection: Selection, existing: Collection[str] | None, context: Context) -> PreviewsResult:
    """The previews in the only environment of the selection. Raises DeployError.

    `existing` are the branches that exist, by the name of the preview or of the git branch; None asks git.
    """
    (name,) = selection.environments
    manifests = context.load(selection)
    environment = manifests.environments[name]
    context.progress("reading what is deployed")
    (state,) = survey([environment], context.connect, (), branches=manifests.branches).states
    known, warnings = _known(selection, existing, context)
    return PreviewsResult(environment, find_previews(state, known), warnings)


def prepare_destroy_gone(selection: Selection, existing: Collection[str] | None, context: Context) -> list[Prepared]:
    """Plan to delete each preview whose git branch is gone: one plan for each, in the order of their names.

    Raises DeployError, also if it is not known which branches exist, and in a protected environment.
    """
    found = previews(selection, existing, context)
    if found.environment.protect:
        raise DeployError(_protected(found.environment))
    if found.warnings:
        raise DeployError([replace(warning, severity=Severity.ERROR) for warning in found.warnings])
    manifests = context.load(selection)
    return [_prepare_destroy(selection, preview, manifests, context) for preview in found.gone]


def _prepare_destroy(selection: Selection, preview: Preview, manifests: Manifests, context: Context) -> Prepared:
    of_preview = Started(selection, _of_branch(manifests, preview.branch))
    return prepare(selection, replace(context, started=of_preview), destroy=True)


def _of_branch(manifests: Manifests, name: str) -> Manifests:
    """The manifests as they would be if each environment and each flow were of this branch."""
    environments = {each.name: each.of_branch(name) for each in manifests.environments.values()}
    deployments = tuple(
        item.model_copy(
            update={
                "environment": environments[item.environment.name],
                "own_branch": Branch(name, item.own_branch.main),
            }
        )
        for item in manifests.deployments
    )
    return replace(manifests, environments=environments, deployments=deployments)


def _known(
    selection: Selection, existing: Collection[str] | None, context: Context
) -> tuple[KnownBranches, list[Diagnostic]]:
    if existing is not None:
        return KnownBranches(listed=existing), []
    local = local_branches(context.git, selection.manifests)
    try:
        return KnownBranches(local=local, origin=branches_at_origin(context.git, selection.manifests)), []
    except DeployError as error:
        warnings = [replace(each, severity=Severity.WARNING) for each in error.diagnostics]
        return KnownBranches(local=local, problem="origin could not be asked"), warnings


def _protected(environment: Environment) -> Diagnostic:
    message = f"{environment.name} is protected, so its previews are not destroyed together"
    hint = f"mfdeploy destroy --env {environment.name} --var ... --allow-delete ADDRESS destroys one of them"
    path = f"environments.{environment.name}.protect"
    return Diagnostic("protected", message, environment.source("protect"), path, hint)
