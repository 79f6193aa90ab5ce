"""mfdeploy rollback."""

from __future__ import annotations

from typing import Annotated

import typer

from deployer.cli.confirmation import refuse_unasked, save_or_apply
from deployer.cli.context import command_context
from deployer.cli.options import (
    DEFAULT_MANIFESTS,
    AllowBranch,
    AllowDelete,
    AllowMassChange,
    Environment,
    Exclude,
    Flows,
    Format,
    Manifests,
    PlanFile,
    Variables,
    Yes,
    only_environment,
    permissions,
    selection,
)

EXAMPLES = """
mfdeploy history --env prod
mfdeploy rollback 20260102 --env prod --flow train
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
    out: PlanFile = None,
    yes: Yes = False,
    allow_delete: AllowDelete = None,
    allow_mass_change: AllowMassChange = False,
    allow_branch: AllowBranch = False,
    format: Format = "text",
) -> int:
    """Restore what was deployed right after an entry of the history.

    The plan is shown and confirmed first. With --out it is saved instead.
    """
    refuse_unasked(format, confirmed=yes or out is not None)
    chosen = selection(manifests, var, environments=[env or only_environment(manifests)], flows=flow, exclude=exclude)
    with command_context(chosen) as context:
        from deployer.commands.apply import prepare_rollback

        prepared = prepare_rollback(chosen, entry, context)
    permitted = permissions(allow_delete, allow_mass_change, allow_branch)
    return save_or_apply(prepared, permitted, out, confirmed=yes, format=format)
