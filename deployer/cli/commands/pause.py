"""mfdeploy pause."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployer.cli import DONE
from deployer.cli.chosen import only_environment, selection
from deployer.cli.context import command_context
from deployer.cli.options import DEFAULT_MANIFESTS, Environment, Flow, Manifests, Variables
from deployer.cli.output import write

if TYPE_CHECKING:
    from deployer.models.selection import Selection

EXAMPLES = """
mfdeploy pause train --env prod
"""


def pause(
    flow: Flow,
    env: Environment = None,
    manifests: Manifests = DEFAULT_MANIFESTS,
    var: Variables = None,
) -> int:
    """Let Airflow start no more runs of a deployed flow."""
    return set_paused(selection(manifests, var), flow, env or only_environment(manifests), paused=True)


def set_paused(chosen: Selection, flow: str, env: str, *, paused: bool) -> int:
    """Pause or unpause a flow, and say so; the exit code. Raises DeployError."""
    from deployer.commands.pause import pause

    with command_context() as context:
        found = pause(chosen, flow, env, context, paused=paused)
    write(f"{found.record.address}: {'paused' if paused else 'unpaused'}\n")
    return DONE
