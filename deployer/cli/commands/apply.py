"""mfdeploy apply."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from deployer.cli.airflow_options import Forget, NoWait, Offline, Wait, afterwards
from deployer.cli.chosen import assertions, permissions, selection
from deployer.cli.confirmation import apply_prepared, refuse_unasked
from deployer.cli.context import command_context
from deployer.cli.options import (
    DEFAULT_MANIFESTS,
    Adopt,
    AllowAdopt,
    AllowBranch,
    AllowDelete,
    AllowDestroy,
    AllowMassChange,
    AllowRollback,
    CheckCluster,
    Environments,
    Exclude,
    ExpectEnvironments,
    Flows,
    Fresh,
    Manifests,
    PlanFormatOption,
    Policies,
    Projects,
    Reviewed,
    SavedPlan,
    Variables,
    Yes,
)
from deployer.cli.output import read_plan
from deployer.cli.usage import bad_usage
from deployer.errors import DeployError

if TYPE_CHECKING:
    from deployer.models.selection import Selection

EXAMPLES = """
mfdeploy apply --env staging
mfdeploy plan --env prod --out plan.json && mfdeploy apply plan.json --expect-env prod
mfdeploy apply --env prod --reviewed plan.json
"""


def apply(
    plan: SavedPlan = None,
    manifests: Manifests = DEFAULT_MANIFESTS,
    var: Variables = None,
    env: Environments = None,
    flow: Flows = None,
    exclude: Exclude = None,
    adopt: Adopt = None,
    projects: Projects = None,
    policies: Policies = None,
    yes: Yes = False,
    allow_delete: AllowDelete = None,
    allow_mass_change: AllowMassChange = False,
    allow_branch: AllowBranch = False,
    reviewed: Reviewed = None,
    expect_env: ExpectEnvironments = None,
    allow_rollback: AllowRollback = False,
    allow_destroy: AllowDestroy = False,
    allow_adopt: AllowAdopt = None,
    check_cluster: CheckCluster = None,
    fresh: Fresh = False,
    offline: Offline = False,
    wait: Wait = None,
    no_wait: NoWait = False,
    forget: Forget = False,
    format: PlanFormatOption = "text",
) -> int:
    """Publish exactly what a plan says.

    Without a saved plan, the plan is made, shown and confirmed first.
    """

    chosen = selection(
        manifests,
        var,
        environments=env,
        flows=flow,
        exclude=exclude,
        adopt=adopt,
        projects=projects,
        policies=policies,
    )
    after = afterwards(wait, no_wait, forget)
    confirmed = yes or plan is not None or reviewed is not None
    refuse_unasked(format, "plan", confirmed=confirmed)
    caller = assertions(expect_env, allow_rollback, allow_destroy, allow_adopt)
    _refuse_combinations(plan, reviewed, chosen, asserted=caller != assertions(None, False, False, None))
    saved = read_plan(plan) if plan is not None else None
    compared = read_plan(reviewed) if reviewed is not None else None
    with command_context(None if saved else chosen, compiles=True, offline=offline) as context:
        from deployer.commands.apply import prepare, prepare_reviewed

        if compared is not None:
            prepared = prepare_reviewed(chosen, compared, context, check_cluster=check_cluster)
        else:
            prepared = prepare(chosen, context, saved=saved, caller=caller, check_cluster=check_cluster, fresh=fresh)
    permitted = permissions(allow_delete, allow_mass_change, allow_branch)
    return apply_prepared(prepared, permitted, chosen, after, confirmed=confirmed, format=format)


def _refuse_combinations(plan: Path | None, reviewed: Path | None, chosen: Selection, *, asserted: bool) -> None:
    if plan is not None and reviewed is not None:
        message = "a saved plan is applied as it is: --reviewed does not go with it"
        raise DeployError(bad_usage(message, "to plan again and compare, give the plan to --reviewed alone"))
    if plan is not None and (chosen.environments or chosen.flows or chosen.exclude or chosen.adopt):
        message = "a saved plan is applied as it is: --env, --flow, --exclude and --adopt do not go with it"
        raise DeployError(bad_usage(message, "give them to `mfdeploy plan --out` instead"))
    if plan is None and asserted:
        message = (
            "--expect-env, --allow-rollback, --allow-destroy and --allow-adopt are about a saved plan that is applied"
        )
        hint = "with --reviewed, write --env and --adopt: the plan is made now" if reviewed else "leave them out"
        raise DeployError(bad_usage(message, hint))
