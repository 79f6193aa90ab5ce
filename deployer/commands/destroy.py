"""mfdeploy destroy: a plan that deletes what the manifests manage in an environment."""

from __future__ import annotations

from deployer.commands.apply import Prepared, prepare
from deployer.context import Context
from deployer.models.selection import Selection


def prepare_destroy(selection: Selection, context: Context) -> Prepared:
    """Plan to delete all that the selection's environments hold of this project. Raises DeployError."""
    return prepare(selection, context, destroy=True)
