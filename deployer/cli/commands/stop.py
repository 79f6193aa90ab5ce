"""mfdeploy stop."""

from __future__ import annotations

from typing import Annotated

import typer

from deployer.cli import DONE
from deployer.cli.chosen import only_environment, selection
from deployer.cli.context import command_context
from deployer.cli.options import DEFAULT_MANIFESTS, Environment, Flow, Manifests, Variables
from deployer.cli.output import write

EXAMPLES = """
mfdeploy stop train --env prod
"""


def stop(
    flow: Flow,
    run: Annotated[
        str | None,
        typer.Argument(metavar="RUN", help="Id of the run. Default: the only active one.", show_default=False),
    ] = None,
    env: Environment = None,
    manifests: Manifests = DEFAULT_MANIFESTS,
    var: Variables = None,
) -> int:
    """End an active run of a flow: what runs of it is killed."""
    from deployer.commands.stop import stop

    with command_context() as context:
        stopped = stop(selection(manifests, var), flow, env or only_environment(manifests), run, context)
    write(f"{stopped.run_id}: stopped\n")
    return DONE
