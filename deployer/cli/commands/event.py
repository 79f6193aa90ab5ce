"""mfdeploy event."""

from __future__ import annotations

from typing import Annotated

import typer

from deployer.cli import DONE
from deployer.cli.chosen import only_environment, selection
from deployer.cli.context import command_context
from deployer.cli.options import DEFAULT_MANIFESTS, Environment, Format, Manifests, Variables
from deployer.cli.output import write, write_json

EXAMPLES = """
mfdeploy event orders.arrived --env prod --payload '{"region": "north"}' --id order-4711
"""


def event(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The event, as in @trigger.", show_default=False)],
    env: Environment = None,
    manifests: Manifests = DEFAULT_MANIFESTS,
    var: Variables = None,
    payload: Annotated[
        str, typer.Option("--payload", metavar="JSON", help="A JSON object, with values for parameters.")
    ] = "{}",
    id: Annotated[
        str,
        typer.Option("--id", metavar="ID", help="The event's id: the same again starts nothing. Default: a new one."),
    ] = "",
    format: Format = "text",
) -> int:
    """Publish an event: each flow that waits for it gets one run.

    A flow that waits for several events runs once all of them have come.
    """
    from deployer.commands.event import event

    with command_context() as context:
        chosen = selection(manifests, var)
        found = event(chosen, name, env or only_environment(manifests), payload, context, event_id=id)
    if format == "json":
        from deployer.views.live_json import published_to_json

        write_json(published_to_json(found))
        return DONE
    write("".join(f"{run.name}  {run.run_id}\n" for run in found.runs))
    if found.together:
        write(f"noted for {', '.join(found.together)}\n")
    return DONE
