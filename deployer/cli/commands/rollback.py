"""mfdeploy rollback."""

from __future__ import annotations

from typing import Annotated

import typer

from deployer.cli.airflow_options import Forget, NoWait, Offline, Wait, afterwards
from deployer.cli.chosen import only_environment, permissions, selection
from deployer.cli.confirmation import refuse_unasked, save_or_apply
from deployer.cli.context import command_context
from deployer.cli.options import (
    DEFAULT_MANIFESTS,
    AllowBranch,
    AllowDelete,
    AllowMassChange,
    Diff,
    Environment,
    Exclude,
    Flows,
    Manifests,
    PlanFile,
    PlanFormatOption,
    Policies,
    Projects,
    Variables,
    Yes,
)
from deployer.cli.usage import refuse_unshown

EXAMPLES = """
mfdeploy history --env prod
mfdeploy rollback 20260102 --env prod --flow train --diff
"""


def rollback(
    entry: Annotated[
        str, typer.Argument(metavar="ENTRY", help="An entry that `mfdeploy history` shows, or its beginning or end.")
    ],
    env: Environment = None,
    manifests: Manifests = DEFAULT_MANIFESTS,
    var: Variables = None,
    flow: Flows = None,
    exclude: Exclude = None,
    projects: Projects = None,
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
    format: PlanFormatOption = "text",
    diff: Diff = False,
) -> int:
    """Restore what was deployed right after an entry of the history.

    The plan is shown and confirmed first. With --out it is saved instead.
    """
    refuse_unshown(format, diff=diff)
    refuse_unasked(format, "rollback ENTRY", confirmed=yes or out is not None)
    after = afterwards(wait, no_wait, forget, saves=out is not None)
    environments = [env or only_environment(manifests)]
    chosen = selection(
        manifests,
        var,
        environments=environments,
        flows=flow,
        exclude=exclude,
        projects=projects,
        policies=policies,
    )
    with command_context(chosen, offline=offline) as context:
        from deployer.commands.apply import prepare_rollback

        prepared = prepare_rollback(chosen, entry, context, diff=diff)
    permitted = permissions(allow_delete, allow_mass_change, allow_branch)
    return save_or_apply(prepared, permitted, out, chosen, after, confirmed=yes, format=format)
