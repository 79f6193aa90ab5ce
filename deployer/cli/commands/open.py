"""mfdeploy open."""

from __future__ import annotations

import webbrowser

from deployer.cli import DONE
from deployer.cli.chosen import only_environment, selection
from deployer.cli.context import command_context
from deployer.cli.options import DEFAULT_MANIFESTS, Environment, Flow, Manifests, Variables
from deployer.cli.output import write

EXAMPLES = """
mfdeploy open train --env prod
"""


def open(
    flow: Flow,
    env: Environment = None,
    manifests: Manifests = DEFAULT_MANIFESTS,
    var: Variables = None,
) -> int:
    """Open Airflow's page of a deployed flow in a browser.

    Its address is printed, too.
    """
    from deployer.commands.open import page_of

    with command_context() as context:
        page = page_of(selection(manifests, var), flow, env or only_environment(manifests), context)
    write(f"{page}\n")
    # False where there is no browser: then the address is what there is.
    webbrowser.open(page)
    return DONE
