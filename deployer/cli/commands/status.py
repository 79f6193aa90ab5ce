"""mfdeploy status."""

from __future__ import annotations

from typing import Annotated

import typer

from deployer.cli import DONE, REFUSED
from deployer.cli.completion import complete_flow
from deployer.cli.context import command_context
from deployer.cli.options import DEFAULT_MANIFESTS, Environments, Format, Manifests, Variables, selection
from deployer.cli.output import write_data, write_diagnostics

EXAMPLES = """
mfdeploy status
mfdeploy status 'train*' --env prod --format json
"""


def status(
    pattern: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATTERN",
            help="Only flows whose name or address matches. Default: all.",
            autocompletion=complete_flow,
            show_default=False,
        ),
    ] = None,
    manifests: Manifests = DEFAULT_MANIFESTS,
    var: Variables = None,
    env: Environments = None,
    format: Format = "text",
) -> int:
    """Show what is deployed, and what the running Airflow makes of it.

    The exit code is 1 if Airflow cannot import a deployed file.
    """
    from deployer.commands.status import status
    from deployer.views.live_json import status_to_json
    from deployer.views.live_text import status_to_text

    with command_context() as context:
        result = status(selection(manifests, var, environments=env, flows=pattern), context)
    write_diagnostics(result.warnings)
    write_data(status_to_json(result.flows), format, status_to_text)
    return REFUSED if any(flow.import_error for flow in result.flows) else DONE
