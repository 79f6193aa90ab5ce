"""mfdeploy list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployer.cli import DONE, REFUSED
from deployer.cli.chosen import selection
from deployer.cli.context import command_context
from deployer.cli.options import (
    DEFAULT_MANIFESTS,
    NO_TYPE,
    Environments,
    Exclude,
    Flows,
    Manifests,
    PageFormatOption,
    Variables,
)
from deployer.cli.output import PageFormat, write_data, write_diagnostics
from deployer.cli.usage import bad_usage
from deployer.errors import DeployError, Severity

if TYPE_CHECKING:
    from deployer.models.selection import Selection
    from deployer.views.list_view import ListJson

EXAMPLES = """
mfdeploy list
mfdeploy list --env prod --format json
mfdeploy list --all-projects --env prod
"""


def list(
    manifests: Manifests = DEFAULT_MANIFESTS,
    var: Variables = None,
    env: Environments = None,
    flow: Flows = None,
    exclude: Exclude = None,
    no_flows: Annotated[
        bool,
        typer.Option("--no-flows", metavar=NO_TYPE, help="Read the manifests only: ids and schedules may be missing."),
    ] = False,
    all_projects: Annotated[
        bool,
        typer.Option(
            "--all-projects",
            metavar=NO_TYPE,
            help="List what lies at the targets instead, whoever deployed it, and what nobody owns any more.",
        ),
    ] = False,
    format: PageFormatOption = "text",
) -> int:
    """List all deployments: environment, flow, DAG id, schedule, file.

    No target is read: `plan` says what is deployed. --all-projects reads the targets and no flow.
    """
    chosen = selection(manifests, var, environments=env, flows=flow, exclude=exclude)
    if all_projects:
        if no_flows:
            message = "--no-flows does not go with --all-projects, which reads no flow"
            raise DeployError(bad_usage(message, "leave it out"))
        return _print_all(chosen, format)
    return print_list(chosen, format, flows=not no_flows)


def _print_all(chosen: Selection, format: PageFormat) -> int:
    from deployer.views.inventory import inventory_to_json, inventory_to_text

    with command_context(chosen) as context:
        from deployer.commands.list import list_all_projects

        result = list_all_projects(chosen, context)
    write_diagnostics(result.warnings)
    write_data(inventory_to_json(result.inventory), format, inventory_to_text, _page_of_all)
    return DONE


def print_list(chosen: Selection, format: PageFormat, *, flows: bool = True) -> int:
    """Print the deployments of a selection; the exit code. Raises DeployError."""
    from deployer.views.list_view import list_to_json, list_to_text

    with command_context(chosen, compiles=flows) as context:
        from deployer.commands.list import list_deployments

        result = list_deployments(chosen, context, flows=flows)
    write_diagnostics(result.diagnostics)
    write_data(list_to_json(result.deployments), format, list_to_text, _page)
    return REFUSED if any(each.severity is Severity.ERROR for each in result.diagnostics) else DONE


def _page_of_all(data: Mapping[str, Any]) -> str:
    from deployer.views.html.inventory import inventory_to_html

    return inventory_to_html(data)


def _page(data: ListJson) -> str:
    from deployer.views.html.pages import list_to_html

    return list_to_html(data)
