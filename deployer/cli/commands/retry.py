"""mfdeploy retry."""

from __future__ import annotations

from typing import Annotated

import typer

from deployer.cli import DONE
from deployer.cli.chosen import only_environment, selection
from deployer.cli.context import command_context
from deployer.cli.options import DEFAULT_MANIFESTS, Environment, Flow, Manifests, Variables
from deployer.cli.output import write

EXAMPLES = """
mfdeploy retry train --env prod
"""


def retry(
    flow: Flow,
    run: Annotated[
        str | None, typer.Argument(metavar="RUN", help="Id of the run. Default: the newest.", show_default=False)
    ] = None,
    env: Environment = None,
    manifests: Manifests = DEFAULT_MANIFESTS,
    var: Variables = None,
) -> int:
    """Run what failed in a run of a flow again, and everything after it."""
    from deployer.commands.retry import retry

    with command_context() as context:
        result = retry(selection(manifests, var), flow, env or only_environment(manifests), run, context)
    write(f"{result.run.run_id}: {result.tasks} tasks run again\n{result.page}\n")
    return DONE
