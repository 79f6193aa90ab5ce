"""mfdeploy logs."""

from __future__ import annotations

from typing import Annotated

import typer

from deployer.cli import DONE
from deployer.cli.chosen import only_environment, selection
from deployer.cli.context import command_context
from deployer.cli.options import DEFAULT_MANIFESTS, NO_TYPE, Environment, Flow, Manifests, Variables
from deployer.cli.output import write

EXAMPLES = """
mfdeploy logs train --env prod
mfdeploy logs train --env prod --step fit --follow
"""


def logs(
    flow: Flow,
    run: Annotated[
        str | None, typer.Argument(metavar="RUN", help="Id of the run. Default: the newest.", show_default=False)
    ] = None,
    env: Environment = None,
    manifests: Manifests = DEFAULT_MANIFESTS,
    var: Variables = None,
    step: Annotated[
        str | None,
        typer.Option("--step", metavar="STEP", help="Only this step, or one item by its number in brackets."),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", metavar=NO_TYPE, help="Go on until the run has ended.")
    ] = False,
) -> int:
    """Print what the tasks of a run wrote.

    Those of the tasks that failed, or of all if none failed.
    """
    from deployer.commands.logs import follow as follow_logs
    from deployer.commands.logs import logs
    from deployer.views.live_text import log_to_text, task_title

    with command_context() as context:
        found = logs(selection(manifests, var), flow, env or only_environment(manifests), run, step, context)
        if not follow:
            parts = [(task, list(found.read(task))) for task in found.tasks]
    if not follow:
        for task, lines in parts:
            write(f"{task_title(task)}\n")
            write("".join(f"{log_to_text(line)}\n" for line in lines))
        return DONE
    before = ""
    with command_context() as context:
        for task, line in follow_logs(found, context.silently()):
            title = task_title(task)
            if title != before:
                write(f"{title}\n")
            before = title
            write(f"{log_to_text(line)}\n")
    return DONE
