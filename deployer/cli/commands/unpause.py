"""mfdeploy unpause."""

from __future__ import annotations

from deployer.cli.chosen import only_environment, selection
from deployer.cli.commands.pause import set_paused
from deployer.cli.options import DEFAULT_MANIFESTS, Environment, Flow, Manifests, Variables

EXAMPLES = """
mfdeploy unpause train --env prod
"""


def unpause(
    flow: Flow,
    env: Environment = None,
    manifests: Manifests = DEFAULT_MANIFESTS,
    var: Variables = None,
) -> int:
    """Let Airflow start runs of a deployed flow."""
    return set_paused(selection(manifests, var), flow, env or only_environment(manifests), paused=False)
