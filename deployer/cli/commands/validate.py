"""mfdeploy validate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from deployer.cli import DONE, REFUSED
from deployer.cli.chosen import selection
from deployer.cli.context import command_context
from deployer.cli.options import (
    DEFAULT_MANIFESTS,
    NO_TYPE,
    DiagnosticsFormatOption,
    Environments,
    Exclude,
    Flows,
    Manifests,
    Policies,
    Variables,
)
from deployer.cli.output import write_validation
from deployer.cli.usage import bad_usage
from deployer.errors import DeployError, Diagnostic, Severity

if TYPE_CHECKING:
    from deployer.models.selection import Selection

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
    policies: Policies = None,
    no_flows: Annotated[bool, typer.Option("--no-flows", metavar=NO_TYPE, help="Check the manifests only.")] = False,
    keep_going: Annotated[
        bool,
        typer.Option(
            "--keep-going",
            "-k",
            metavar=NO_TYPE,
            help="Compile the other flows, even if the manifests have errors in some.",
        ),
    ] = False,
    format: DiagnosticsFormatOption = "text",
) -> int:
    """Check the manifests and the flows, as plan would.

    No target is read.
    """
    if no_flows and keep_going:
        message = "--keep-going is about flows, and --no-flows compiles none"
        raise DeployError(bad_usage(message, "leave one of them out"))
    chosen = selection(
        manifests, var, environments=env, flows=flow, exclude=exclude, keep_going=keep_going, policies=policies
    )
    diagnostics, deployments = _validate(chosen, flows=not no_flows)
    write_validation(diagnostics, deployments, format)
    return REFUSED if any(each.severity is Severity.ERROR for each in diagnostics) else DONE


def _validate(chosen: Selection, *, flows: bool) -> tuple[Sequence[Diagnostic], int]:
    """All problems, and how many deployments were checked."""
    try:
        with command_context(chosen, compiles=flows) as context:
            from deployer.commands.validate import validate

            result = validate(chosen, context, flows=flows)
    except DeployError as error:
        return error.diagnostics, 0
    return result.diagnostics, result.deployments
