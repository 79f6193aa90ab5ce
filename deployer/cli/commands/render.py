"""mfdeploy render."""

from __future__ import annotations

from deployer.cli import DONE
from deployer.cli.chosen import only_environment, selection
from deployer.cli.context import command_context
from deployer.cli.options import DEFAULT_MANIFESTS, Environment, Flow, Manifests, Variables
from deployer.cli.output import write, write_diagnostics

EXAMPLES = """
mfdeploy render train --env prod > train.py
"""


def render(flow: Flow, env: Environment = None, manifests: Manifests = DEFAULT_MANIFESTS, var: Variables = None) -> int:
    """Print the DAG file of a flow.

    Nothing is published or uploaded. The record that an apply adds is left out.
    """
    from deployer.commands.render import render

    with command_context() as context:
        result = render(selection(manifests, var), flow, env or only_environment(manifests), context)
    write_diagnostics(result.warnings)
    write(result.source)
    return DONE
