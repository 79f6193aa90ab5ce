"""mfdeploy destroy."""

from __future__ import annotations

from deployer.cli.confirmation import apply_prepared
from deployer.cli.context import command_context
from deployer.cli.options import (
    DEFAULT_MANIFESTS,
    AllowBranch,
    AllowDelete,
    AllowMassChange,
    Exclude,
    Flows,
    Manifests,
    RequiredEnvironments,
    Variables,
    Yes,
    permissions,
    selection,
)

EXAMPLES = """
mfdeploy destroy --env staging --flow 'report*'
"""


def destroy(
    env: RequiredEnvironments,
    manifests: Manifests = DEFAULT_MANIFESTS,
    var: Variables = None,
    flow: Flows = None,
    exclude: Exclude = None,
    yes: Yes = False,
    allow_delete: AllowDelete = None,
    allow_mass_change: AllowMassChange = False,
    allow_branch: AllowBranch = False,
) -> int:
    """Delete all DAGs that the manifests manage in an environment.

    The plan is shown and confirmed first.
    """

    chosen = selection(manifests, var, environments=env, flows=flow, exclude=exclude)
    with command_context(chosen) as context:
        from deployer.commands.destroy import prepare_destroy

        prepared = prepare_destroy(chosen, context)
    return apply_prepared(prepared, permissions(allow_delete, allow_mass_change, allow_branch), confirmed=yes)
