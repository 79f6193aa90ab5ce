"""The branch of an environment and of a deployment, from the setting `branch` and from what its variables are."""

from __future__ import annotations

from deployer.manifest.nodes import Map, Node, Scalar
from deployer.models.branches import Branch


def own_branch(settings: Map, *, production: bool) -> Branch:
    """The branch that merged settings give. Production has none: its DAGs keep the flows' own names."""
    written = settings.get("branch")
    if production or not isinstance(written, Scalar) or not isinstance(written.value, str):
        return Branch()
    return Branch(written.value, written.declared if written.varies else written.value)


def is_production(environment: Node) -> bool:
    """Whether an environment is `production: true`."""
    found = environment.get("production") if isinstance(environment, Map) else None
    return isinstance(found, Scalar) and found.value is True
