"""What lies at targets, whoever deployed it, as `list --all-projects` prints it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from deployer.models.types import FrozenModel, Several

MarkWord = Literal["environment gone", "moved", "unlisted", "project unlisted", "preview", "edited"]
ORPHANED: frozenset[MarkWord] = frozenset(("environment gone", "moved", "unlisted", "project unlisted"))
"""The marks of what nobody owns any more, as far as that can be known."""


class InventoryMark(FrozenModel):
    """Something that is known of a deployed file and worth a look."""

    word: Annotated[
        MarkWord,
        Field(
            description="environment gone, moved, unlisted: these manifests have no such environment or flow any more, "
            "or publish the environment elsewhere; project unlisted: the projects file at the target does not list its "
            "project; preview: it is of a branch beside the main one; edited: by hand, after it was applied."
        ),
    ]
    text: Annotated[str, Field(description="The same in a sentence.")]


class InventoryDag(FrozenModel):
    """One deployed file with a record, as its last apply wrote it."""

    address: Annotated[str, Field(description="environment/name, as in the manifests of its project.")]
    environment: str
    name: Annotated[str, Field(description="The deployment's name in the orchestrator: the DAG id.")]
    file: Annotated[str, Field(description="Name of the file at the target.")]
    branch: Annotated[str | None, Field(description="The branch that it was deployed for; null if none is recorded.")]
    git_branch: Annotated[
        str | None, Field(description="The git branch that it was applied from; null if that is not known.")
    ]
    applied_at: Annotated[str, Field(description="When it was applied: UTC, ISO 8601; empty if not known.")]
    applied_by: Annotated[str, Field(description="Who applied it; empty if not known.")]
    commit: Annotated[str | None, Field(description="The commit that it was applied from; null if not known.")]
    orphaned: Annotated[bool, Field(description="Whether nobody owns it any more, as far as that can be known.")]
    marks: Several[InventoryMark]


class InventoryProject(FrozenModel):
    """What one manifest project has at a target."""

    project: str
    own: Annotated[bool, Field(description="Whether it is the project of these manifests.")]
    listed: Annotated[
        bool | None, Field(description="Whether the projects file at the target lists it; null without such a file.")
    ]
    dags: Annotated[Several[InventoryDag], Field(description="By address and file.")]


class InventoryFile(FrozenModel):
    """A file at a target that no project owns: it has no record, or one that cannot be read."""

    file: str
    kind: Annotated[
        Literal["native", "damaged", "other"],
        Field(description="native: Metaflow's own `airflow create` wrote it; damaged: its record cannot be read."),
    ]
    name: Annotated[str | None, Field(description="The DAG id of a native DAG; null for any other file.")]
    text: Annotated[str, Field(description="The same in a sentence.")]


class InventoryTarget(FrozenModel):
    """Everything at one target."""

    target: Annotated[str, Field(description="As the manifest writes it.")]
    environments: Annotated[Several[str], Field(description="Those of these manifests that publish here.")]
    projects_file: Annotated[
        str | None, Field(description="The projects file there; null if there is none, or if it cannot be used.")
    ]
    projects: Annotated[Several[InventoryProject], Field(description="By name.")]
    others: Annotated[Several[InventoryFile], Field(description="By file.")]


class Inventory(FrozenModel):
    """What lies at the targets of some environments."""

    project: Annotated[str, Field(description="The project of these manifests.")]
    targets: Annotated[Several[InventoryTarget], Field(description="In the order of the environments.")]
