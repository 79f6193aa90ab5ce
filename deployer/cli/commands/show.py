"""mfdeploy show."""

from __future__ import annotations

from deployer.cli import DONE
from deployer.cli.context import command_context
from deployer.cli.options import (
    DEFAULT_MANIFESTS,
    Environment,
    Format,
    Manifests,
    OptionalFlow,
    Variables,
    only_environment,
    selection,
)
from deployer.cli.output import write_data, write_diagnostics

EXAMPLES = """
mfdeploy show train --env prod
mfdeploy show
"""


def show(
    flow: OptionalFlow = None,
    env: Environment = None,
    manifests: Manifests = DEFAULT_MANIFESTS,
    var: Variables = None,
    format: Format = "text",
) -> int:
    """Print a flow's settings, where each comes from, and its graph.

    Without a flow all deployments are listed, as `mfdeploy list` does.
    """
    if flow is None:
        from deployer.cli.commands.list import print_list

        return print_list(selection(manifests, var, environments=[env] if env else None), format)
    from deployer.commands.show import show
    from deployer.views.show_json import show_to_json
    from deployer.views.show_text import show_to_text

    with command_context() as context:
        result = show(selection(manifests, var), flow, env or only_environment(manifests), context)
    write_diagnostics(result.warnings)
    shown = show_to_json(result.deployment, result.flow, result.dag_id, result.schedule, result.next_runs)
    write_data(shown, format, show_to_text)
    return DONE
