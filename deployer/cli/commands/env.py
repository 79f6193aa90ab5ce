"""mfdeploy env."""

from __future__ import annotations

from deployer.cli import DONE
from deployer.cli.chosen import only_environment, selection
from deployer.cli.context import command_context
from deployer.cli.options import DEFAULT_MANIFESTS, Environment, Flow, Format, Manifests, Variables
from deployer.cli.output import write_data, write_diagnostics, write_message

EXAMPLES = """
eval "$(mfdeploy env train --env prod)"
mfdeploy env train --env prod --format json
"""


def env(
    flow: Flow,
    env: Environment = None,
    manifests: Manifests = DEFAULT_MANIFESTS,
    var: Variables = None,
    format: Format = "text",
) -> int:
    """Print the variables with which Metaflow finds the runs of a flow.

    A shell that evaluates them has Metaflow's Client and `resume` look where the DAG writes. Credentials are left out.
    """
    from deployer.commands.env import env as find_env
    from deployer.views.env_view import NAMESPACE, env_to_json, env_to_text

    with command_context() as context:
        found = find_env(selection(manifests, var), flow, env or only_environment(manifests), context)
    write_diagnostics(found.warnings)
    shown = env_to_json(found.deployment.address, found.dag_id, found.flow, found.namespace, found.variables)
    write_data(shown, format, env_to_text)
    if found.namespace and format == "text":
        write_message(f'In Python: namespace(os.environ["{NAMESPACE}"]); Flow("{found.flow}").latest_run')
    return DONE
