"""mfdeploy destroy."""

from __future__ import annotations

from deployer.cli.airflow_options import Forget, NoWait, Offline, Wait, afterwards
from deployer.cli.chosen import only_environment, permissions, selection
from deployer.cli.confirmation import refuse_unasked, save_or_apply
from deployer.cli.context import command_context
from deployer.cli.options import (
    DEFAULT_MANIFESTS,
    AllowBranch,
    AllowDelete,
    AllowMassChange,
    Exclude,
    Flows,
    Format,
    Manifests,
    PlanFile,
    Policies,
    RequiredEnvironments,
    Variables,
    Yes,
)

EXAMPLES = """
mfdeploy destroy --env staging --flow 'report*'
"""


def destroy(
    env: RequiredEnvironments = None,
    manifests: Manifests = DEFAULT_MANIFESTS,
    var: Variables = None,
    flow: Flows = None,
    exclude: Exclude = None,
    policies: Policies = None,
    out: PlanFile = None,
    yes: Yes = False,
    allow_delete: AllowDelete = None,
    allow_mass_change: AllowMassChange = False,
    allow_branch: AllowBranch = False,
    offline: Offline = False,
    wait: Wait = None,
    no_wait: NoWait = False,
    forget: Forget = False,
    format: Format = "text",
) -> int:
    """Delete all DAGs that the manifests manage in an environment.

    The plan is shown and confirmed first. With --out it is saved instead.
    """

    refuse_unasked(format, "destroy", confirmed=yes or out is not None)
    after = afterwards(wait, no_wait, forget, saves=out is not None)
    environments = env or [only_environment(manifests)]
    chosen = selection(manifests, var, environments=environments, flows=flow, exclude=exclude, policies=policies)
    with command_context(chosen, offline=offline) as context:
        from deployer.commands.destroy import prepare_destroy

        prepared = prepare_destroy(chosen, context)
    permitted = permissions(allow_delete, allow_mass_change, allow_branch)
    return save_or_apply(prepared, permitted, out, chosen, after, confirmed=yes, format=format)
