"""mfdeploy pause."""

from __future__ import annotations

from deployer.cli import DONE
from deployer.cli.context import command_context
from deployer.cli.options import (
    DEFAULT_MANIFESTS,
    Environment,
    Flow,
    Manifests,
    Variables,
    only_environment,
    selection,
)
from deployer.cli.output import write

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
    from deployer.commands.pause import pause as set_paused

    with command_context() as context:
        chosen = selection(manifests, var)
        found = set_paused(chosen, flow, env or only_environment(manifests), context, paused=True)
    write(f"{found.record.address}: paused\n")
    return DONE
