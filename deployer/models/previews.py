"""Previews: what is deployed for the branches of an environment beside its main one."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from deployer.models.types import FrozenModel, Several

PreviewState = Literal["exists", "gone", "unknown"]


class PreviewDag(FrozenModel):
    """One deployment of a preview."""

    address: Annotated[str, Field(description="environment/name, as in the manifests.")]
    name: Annotated[str, Field(description="The deployment's name in the orchestrator: the DAG id.")]


class Preview(FrozenModel):
    """What one branch has deployed, and whether the git branch that it came from still exists."""

    branch: Annotated[str, Field(description="The branch as the manifests had it, as in --var branch=pr_12.")]
    git_branches: Annotated[Several[str], Field(description="The git branches that it was applied from, if known.")]
    applied_by: Annotated[str, Field(description="Who applied last.")]
    applied_at: Annotated[str, Field(description="When that was: UTC, ISO 8601.")]
    state: Annotated[PreviewState, Field(description="Whether its git branch exists; gone: nowhere any more.")]
    found: Annotated[str, Field(description="Where the git branch exists, or why that is not known.")]
    dags: Several[PreviewDag]


class Previews(FrozenModel):
    """The previews of an environment, as `previews --format json` prints them."""

    project: str
    environment: str
    target: Annotated[str, Field(description="As the manifest writes it.")]
    previews: Annotated[Several[Preview], Field(description="By the name of the branch.")]
