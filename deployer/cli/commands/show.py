"""mfdeploy show."""

from __future__ import annotations

from typing import Annotated

import typer

from deployer.cli import DONE
from deployer.cli.chosen import only_environment, selection
from deployer.cli.context import command_context
from deployer.cli.options import DEFAULT_MANIFESTS, NO_TYPE, Environment, Format, Manifests, OptionalFlow, Variables
from deployer.cli.output import write_data, write_diagnostics
from deployer.cli.usage import bad_usage
from deployer.errors import DeployError

EXAMPLES = """
mfdeploy show train --env prod
mfdeploy show train --env prod --starts
mfdeploy show
"""


def show(
    flow: OptionalFlow = None,
    env: Environment = None,
    manifests: Manifests = DEFAULT_MANIFESTS,
    var: Variables = None,
    starts: Annotated[
        bool,
        typer.Option(
            "--starts",
            metavar=NO_TYPE,
            help="Also what starts it, and what it starts: every flow of the environment is compiled.",
        ),
    ] = False,
    format: Format = "text",
) -> int:
    """Print a flow's settings, where each comes from, and its graph.

    Without a flow all deployments are listed, as `mfdeploy list` does.
    """
    if flow is None:
        if starts:
            raise DeployError(bad_usage("--starts is about one flow", "name it, as in mfdeploy show train --starts"))
        from deployer.cli.commands.list import print_list

        return print_list(selection(manifests, var, environments=[env] if env else None), format)
    from deployer.commands.show import show
    from deployer.views.show_json import show_to_json
    from deployer.views.show_text import show_to_text

    with command_context() as context:
        chosen = selection(manifests, var)
        result = show(chosen, flow, env or only_environment(manifests), context, with_starts=starts)
    write_diagnostics(result.warnings)
    shown = show_to_json(
        result.deployment,
        result.flow,
        result.dag_id,
        result.schedule,
        result.next_runs,
        result.starts.started_by if result.starts else None,
        result.starts.starts if result.starts else None,
    )
    write_data(shown, format, show_to_text)
    return DONE
