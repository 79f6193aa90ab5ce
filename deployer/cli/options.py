"""The options and arguments that commands share: their names, their help, and the words that they take."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

DEFAULT_MANIFESTS = Path("deployments")


class ShowFormat(str, Enum):
    """How a result is printed."""

    text = "text"
    json = "json"


class PlanFormat(str, Enum):
    """How a plan is printed."""

    text = "text"
    json = "json"
    markdown = "markdown"


class ValidateFormat(str, Enum):
    """How problems are printed."""

    text = "text"
    json = "json"
    github = "github"


class SchemaName(str, Enum):
    """What there is a schema of."""

    manifest = "manifest"
    plan = "plan"
    history = "history"


Manifests = Annotated[
    Path,
    typer.Option("--manifests", "-m", metavar="DIR", envvar="MFDEPLOY_MANIFESTS", help="Folder of the manifests."),
]
Variables = Annotated[
    list[str] | None,
    typer.Option("--var", metavar="NAME=VALUE", help="Value of a manifest variable. Repeatable."),
]
Environments = Annotated[
    list[str] | None,
    typer.Option("--env", "-e", metavar="NAME", help="Environment; all of them when absent. Repeatable."),
]
Environment = Annotated[str, typer.Option("--env", "-e", metavar="NAME", help="Environment.")]
Flows = Annotated[
    list[str] | None,
    typer.Option("--flow", metavar="PATTERN", help="Only flows whose name or address matches. Repeatable."),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option("--exclude", metavar="PATTERN", help="Leave out flows whose name or address matches. Repeatable."),
]
Adopt = Annotated[
    list[str] | None,
    typer.Option(
        "--adopt",
        metavar="PATTERN",
        help="Take over DAGs of others: an address, a pattern, or project:NAME. Repeatable.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Apply without asking.")]
AllowDelete = Annotated[
    list[str] | None,
    typer.Option(metavar="ADDRESS", help="Allow this delete in a protected environment. Repeatable."),
]
AllowMassChange = Annotated[bool, typer.Option("--allow-mass-change", help="Allow deleting much of an environment.")]
AllowBranch = Annotated[bool, typer.Option("--allow-branch", help="Allow a branch that the environment does not name.")]
CheckCluster = Annotated[
    bool | None,
    typer.Option(
        "--check-cluster/--no-check-cluster",
        help="Ask the clusters whether they would take the pods; else as each environment's `kubernetes.check` says.",
        show_default=False,
    ),
]
AsText = Annotated[ShowFormat, typer.Option("--format", help="How to print the result.")]
Limit = Annotated[int, typer.Option("--limit", metavar="N", min=1, help="How many entries to show.")]
FlowName = Annotated[str, typer.Argument(metavar="FLOW", help="The flow's name in the manifests.")]
