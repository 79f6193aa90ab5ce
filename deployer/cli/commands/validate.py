"""mfdeploy validate."""

from __future__ import annotations

from typing import Annotated

import typer

from deployer.cli import DONE, REFUSED
from deployer.cli.context import command_context
from deployer.cli.options import (
    DEFAULT_MANIFESTS,
    NO_TYPE,
    DiagnosticsFormatOption,
    Environments,
    Exclude,
    Flows,
    Manifests,
    Variables,
    selection,
)
from deployer.cli.output import write_validation

EXAMPLES = """
mfdeploy validate --no-flows
mfdeploy validate --env prod --format github
"""


def validate(
    manifests: Manifests = DEFAULT_MANIFESTS,
    var: Variables = None,
    env: Environments = None,
    flow: Flows = None,
    exclude: Exclude = None,
    no_flows: Annotated[bool, typer.Option("--no-flows", metavar=NO_TYPE, help="Check the manifests only.")] = False,
    format: DiagnosticsFormatOption = "text",
) -> int:
    """Check the manifests and the flows, as plan would.

    No target is read.
    """
    from deployer.commands.validate import problems_refuse, validate

    chosen = selection(manifests, var, environments=env, flows=flow, exclude=exclude)
    with command_context() as context:
        result = validate(chosen, context, flows=not no_flows)
    write_validation(result, format)
    return REFUSED if problems_refuse(result.diagnostics) else DONE
