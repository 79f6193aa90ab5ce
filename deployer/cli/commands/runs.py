"""mfdeploy runs."""

from __future__ import annotations

from typing import Annotated

import typer

from deployer.cli import DONE
from deployer.cli.chosen import only_environment, selection
from deployer.cli.context import command_context
from deployer.cli.options import DEFAULT_MANIFESTS, Environment, Flow, Format, Manifests, Variables
from deployer.cli.output import write_data

EXAMPLES = """
mfdeploy runs train --env prod
mfdeploy runs train --env prod --limit 50 --format json
"""


def runs(
    flow: Flow,
    env: Environment = None,
    manifests: Manifests = DEFAULT_MANIFESTS,
    var: Variables = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=100, help="How many, newest first.")] = 10,
    format: Format = "text",
) -> int:
    """List the newest runs of a deployed flow."""
    from deployer.commands.runs import runs
    from deployer.views.live_json import runs_to_json
    from deployer.views.live_text import runs_to_text

    with command_context() as context:
        result = runs(selection(manifests, var), flow, env or only_environment(manifests), limit, context)
    write_data(runs_to_json(result.flow, result.runs, result.page), format, runs_to_text)
    return DONE
