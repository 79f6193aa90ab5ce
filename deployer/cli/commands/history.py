"""mfdeploy history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from deployer.cli import DONE
from deployer.cli.chosen import only_environment, selection
from deployer.cli.context import command_context
from deployer.cli.options import DEFAULT_MANIFESTS, Environment, Exclude, Flows, Manifests, PageFormatOption, Variables
from deployer.cli.output import write_data, write_diagnostics

EXAMPLES = """
mfdeploy history --env prod --flow train --limit 3
"""


def history(
    env: Environment = None,
    manifests: Manifests = DEFAULT_MANIFESTS,
    var: Variables = None,
    flow: Flows = None,
    exclude: Exclude = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="How many entries to show.")] = 10,
    format: PageFormatOption = "text",
) -> int:
    """Show what was applied to an environment, when and by whom."""
    from deployer.commands.history import history
    from deployer.views.history import history_to_json, history_to_text

    chosen = selection(manifests, var, flows=flow, exclude=exclude)
    with command_context() as context:
        result = history(chosen, env or only_environment(manifests), limit, context)
    shown = history_to_json(result.environment, result.entries, result.older, result.unrecorded)
    write_data(shown, format, history_to_text, _page)
    write_diagnostics(result.warnings)
    return DONE


def _page(data: Mapping[str, Any]) -> str:
    from deployer.views.html.pages import history_to_html

    return history_to_html(data)
