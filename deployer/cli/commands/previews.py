"""mfdeploy previews."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from deployer.cli import DONE
from deployer.cli.chosen import only_environment, permissions, selection
from deployer.cli.confirmation import apply_several, refuse_unasked
from deployer.cli.context import command_context
from deployer.cli.options import (
    DEFAULT_MANIFESTS,
    NO_TYPE,
    AllowBranch,
    Environment,
    Format,
    Manifests,
    Policies,
    Variables,
    Yes,
)
from deployer.cli.output import write_data, write_diagnostics
from deployer.cli.usage import bad_usage
from deployer.errors import DeployError

if TYPE_CHECKING:
    from deployer.models.selection import Selection

EXAMPLES = """
mfdeploy previews --env staging
mfdeploy previews --env staging --destroy-gone
mfdeploy previews --env staging --destroy-gone --existing pr_12 --existing pr_14
"""


def previews(
    env: Environment = None,
    manifests: Manifests = DEFAULT_MANIFESTS,
    var: Variables = None,
    policies: Policies = None,
    existing: Annotated[
        list[str] | None,
        typer.Option(
            metavar="BRANCHES",
            help="The branches that exist, with blanks between; else git is asked, here and at origin. Repeatable.",
        ),
    ] = None,
    destroy_gone: Annotated[
        bool, typer.Option("--destroy-gone", metavar=NO_TYPE, help="Delete the previews whose git branch is gone.")
    ] = False,
    yes: Yes = False,
    allow_branch: AllowBranch = False,
    format: Format = "text",
) -> int:
    """List the previews in an environment; destroy those that are gone.

    With --destroy-gone the plans are shown and confirmed first.
    """
    chosen = selection(manifests, var, environments=[env or only_environment(manifests)], policies=policies)
    named = None if existing is None else [name for each in existing for name in each.split()]
    if destroy_gone:
        return _destroy(chosen, named, confirmed=yes, allow_branch=allow_branch, format=format)
    if yes or allow_branch:
        raise DeployError(bad_usage("--yes and --allow-branch are for --destroy-gone", "add it, or leave them out"))
    with command_context(chosen) as context:
        from deployer.commands.previews import previews
        from deployer.views.previews import previews_to_json, previews_to_text

        found = previews(chosen, named, context)
    write_diagnostics(found.warnings)
    write_data(previews_to_json(found.environment, found.previews), format, previews_to_text)
    return DONE


def _destroy(
    chosen: Selection, existing: list[str] | None, *, confirmed: bool, allow_branch: bool, format: Format
) -> int:
    refuse_unasked(format, "", confirmed=confirmed)
    with command_context(chosen) as context:
        from deployer.commands.previews import prepare_destroy_gone

        plans = prepare_destroy_gone(chosen, existing, context)
    return apply_several(plans, permissions(None, False, allow_branch), confirmed=confirmed, format=format)
