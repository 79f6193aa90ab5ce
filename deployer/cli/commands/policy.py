"""mfdeploy policy."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from deployer.cli import DONE, REFUSED
from deployer.cli.chosen import selection
from deployer.cli.context import command_context
from deployer.cli.options import DEFAULT_MANIFESTS, Format, Manifests, Policies, Variables
from deployer.cli.output import write_data

EXAMPLES = """
mfdeploy policy list
mfdeploy policy test --policies platform/policies
"""


def policy(
    action: Annotated[
        Literal["list", "test"], typer.Argument(help="list: all policies. test: run the examples that they carry.")
    ],
    manifests: Manifests = DEFAULT_MANIFESTS,
    var: Variables = None,
    policies: Policies = None,
    format: Format = "text",
) -> int:
    """List the policies, or run the examples that they carry.

    No flow and no target is read. A failed example is exit code 1.
    """
    chosen = selection(manifests, var, policies=policies)
    with command_context(chosen) as context:
        from deployer.commands.policy import list_policies, run_all_examples
        from deployer.views import policy_view

        if action == "list":
            found = list_policies(chosen, context)
            write_data(policy_view.policies_to_json(found), format, policy_view.policies_to_text)
            return DONE
        result = run_all_examples(chosen, context)
    write_data(policy_view.tested_to_json(result.tested, result.without), format, policy_view.tested_to_text)
    return DONE if result.passed else REFUSED
