"""mfdeploy status."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployer.cli import DONE, REFUSED
from deployer.cli.chosen import selection
from deployer.cli.completion import complete_flow
from deployer.cli.context import command_context
from deployer.cli.options import DEFAULT_MANIFESTS, NO_TYPE, Environments, Manifests, PageFormatOption, Variables
from deployer.cli.output import write, write_data, write_diagnostics
from deployer.cli.terminal import terminal
from deployer.cli.usage import bad_usage
from deployer.errors import DeployError

if TYPE_CHECKING:
    from deployer.commands.status import StatusResult
    from deployer.models.selection import Selection

# Seconds between two looks.
_PAUSE = 5
# To the upper left corner, and clear what follows.
_CLEAR = "\x1b[H\x1b[J"

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
    watch: Annotated[
        bool, typer.Option("--watch", metavar=NO_TYPE, help="Look again every few seconds, until Ctrl-C.")
    ] = False,
    format: PageFormatOption = "text",
) -> int:
    """Show what is deployed, and what the running Airflow makes of it.

    The exit code is 1 if Airflow cannot import a deployed file.
    """
    from deployer.views.live_json import status_to_json
    from deployer.views.live_text import status_to_text

    chosen = selection(manifests, var, environments=env, flows=pattern)
    if watch and format != "text":
        raise DeployError(bad_usage("--watch shows text only", "ask again and again with --format json"))
    result = _look(chosen)
    if watch:
        _watch(chosen, result)
    write_diagnostics(result.warnings)
    write_data(status_to_json(result.flows), format, status_to_text, _page)
    return REFUSED if any(flow.import_error for flow in result.flows) else DONE


def _look(chosen: Selection) -> StatusResult:
    from deployer.commands.status import status

    with command_context() as context:
        return status(chosen, context)


def _watch(chosen: Selection, result: StatusResult) -> None:
    """Show the status until it is interrupted: in place on a terminal, elsewhere whenever it changes."""
    from deployer.views.live_json import status_to_json
    from deployer.views.live_text import status_to_text

    stdout = terminal(sys.stdout)
    shown = ""
    while True:
        text = status_to_text(status_to_json(result.flows), width=stdout.width, colour=stdout.colour)
        if stdout.interactive:
            write(f"{_CLEAR}{text}")
        elif text != shown:
            write(text)
        write_diagnostics(result.warnings)
        shown = text
        with command_context() as context:
            context.sleep(_PAUSE)
        result = _look(chosen)


def _page(data: Mapping[str, Any]) -> str:
    from deployer.views.html.pages import status_to_html

    return status_to_html(data)
