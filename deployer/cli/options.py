"""The options that commands share, each declared once.

Help texts are read as rich markup on a terminal: no square brackets.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from deployer.cli import manifest_folder
from deployer.cli.completion import complete_address, complete_environment, complete_flow, complete_variable
from deployer.cli.output import PageFormat, PlanFormat, PlanPageFormat, write_message

_SELECTION = "Selection"
_PERMISSIONS = "Permissions"
_SAVED_PLAN = "Saved plans"
_CLUSTERS = "Clusters"
# Variables with which a job says it for all commands.
PROJECTS, POLICIES = "MFDEPLOY_PROJECTS", "MFDEPLOY_POLICIES"
NO_TYPE = ""  # the metavar of a flag: on a terminal Typer writes <bool> beside each
_PATH_LENGTH, _NAME_LENGTH = 4_000, 255  # bytes: what a file system takes


def _check_path(path: Path | None) -> Path | None:
    """Refuse a path that no file system can be asked about."""
    written = os.fsencode(path) if path else b""
    if len(written) > _PATH_LENGTH or any(len(name) > _NAME_LENGTH for name in written.split(b"/")):
        raise typer.BadParameter("the path is longer than a file system allows")
    return path


DEFAULT_MANIFESTS = manifest_folder.DEFAULT_MANIFESTS


def _find_manifests(context: typer.Context, given: Path) -> Path:
    """The folder that was given; else the one of the repository, which is reported if it is not that of this folder."""
    _check_path(given)
    source = context.get_parameter_source("manifests")
    if source is None or source.name != "DEFAULT":
        return given
    found = manifest_folder.find_manifests()
    if found != DEFAULT_MANIFESTS and not context.resilient_parsing:
        write_message(f"Manifests: {found}")
    return found


# Which manifests, and which deployments of them.
Manifests = Annotated[
    Path,
    typer.Option(
        "--manifests",
        "-m",
        metavar="DIR",
        envvar="MFDEPLOY_MANIFESTS",
        callback=_find_manifests,
        help="Folder of the manifests. Looked for up to the root of the git repository.",
        rich_help_panel=_SELECTION,
    ),
]
Variables = Annotated[
    list[str] | None,
    typer.Option(
        "--var",
        metavar="NAME=VALUE",
        help="Set a manifest variable. Repeatable.",
        autocompletion=complete_variable,
        rich_help_panel=_SELECTION,
    ),
]
Flow = Annotated[
    str, typer.Argument(metavar="FLOW", help="Name of the flow in the manifests.", autocompletion=complete_flow)
]
OptionalFlow = Annotated[
    str | None,
    typer.Argument(
        metavar="FLOW",
        help="Name of the flow in the manifests. Default: list all.",
        autocompletion=complete_flow,
        show_default=False,
    ),
]
Environment = Annotated[
    str | None,
    typer.Option(
        "--env",
        "-e",
        metavar="NAME",
        help="Environment. Default: the only one.",
        autocompletion=complete_environment,
        rich_help_panel=_SELECTION,
    ),
]
RequiredEnvironments = Annotated[
    list[str] | None,
    typer.Option(
        "--env",
        "-e",
        metavar="NAME",
        help="Environment. Default: the only one. Repeatable.",
        autocompletion=complete_environment,
        rich_help_panel=_SELECTION,
    ),
]
Environments = Annotated[
    list[str] | None,
    typer.Option(
        "--env",
        "-e",
        metavar="NAME",
        help="Environment. Default: all. Repeatable.",
        autocompletion=complete_environment,
        rich_help_panel=_SELECTION,
    ),
]
Flows = Annotated[
    list[str] | None,
    typer.Option(
        "--flow",
        metavar="PATTERN",
        help="Only flows whose name or address matches. Repeatable.",
        autocompletion=complete_flow,
        rich_help_panel=_SELECTION,
    ),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude",
        metavar="PATTERN",
        help="Leave out flows whose name or address matches. Repeatable.",
        autocompletion=complete_flow,
        rich_help_panel=_SELECTION,
    ),
]
Adopt = Annotated[
    list[str] | None,
    typer.Option(
        "--adopt",
        metavar="PATTERN",
        help="Take over existing DAGs: an address, a pattern, or project:NAME. Repeatable.",
        autocompletion=complete_address,
        rich_help_panel=_SELECTION,
    ),
]
Projects = Annotated[
    Path | None,
    typer.Option(
        "--projects",
        metavar="FILE",
        envvar=PROJECTS,
        callback=_check_path,
        help="What projects may deploy, as mfdeploy-projects.yaml at a target, which counts too.",
        rich_help_panel=_SELECTION,
    ),
]
Policies = Annotated[
    Path | None,
    typer.Option(
        "--policies",
        metavar="DIR",
        envvar=POLICIES,
        callback=_check_path,
        help="Folder of policies beside those of the manifests, which it cannot change.",
        rich_help_panel=_SELECTION,
    ),
]

# What is allowed.
Yes = Annotated[bool, typer.Option("--yes", "-y", metavar=NO_TYPE, help="Apply without asking.")]
AllowDelete = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-delete",
        metavar="ADDRESS",
        help="Allow this delete in a protected environment. Repeatable.",
        autocompletion=complete_address,
        rich_help_panel=_PERMISSIONS,
    ),
]
AllowMassChange = Annotated[
    bool,
    typer.Option(
        "--allow-mass-change",
        metavar=NO_TYPE,
        help="Allow deleting more than a third of an environment.",
        rich_help_panel=_PERMISSIONS,
    ),
]
AllowBranch = Annotated[
    bool,
    typer.Option(
        "--allow-branch",
        metavar=NO_TYPE,
        help="Allow a git branch that the environment does not list.",
        rich_help_panel=_PERMISSIONS,
    ),
]

# What is said about a saved plan.
Reviewed = Annotated[
    Path | None,
    typer.Option(
        "--reviewed",
        metavar="PLAN",
        callback=_check_path,
        help="Plan now, and apply only if that plan changes the same as this saved one.",
        rich_help_panel=_SAVED_PLAN,
    ),
]
ExpectEnvironments = Annotated[
    list[str] | None,
    typer.Option(
        "--expect-env",
        metavar="NAME",
        help="Refuse a saved plan for any other environment. Repeatable.",
        autocompletion=complete_environment,
        rich_help_panel=_SAVED_PLAN,
    ),
]
AllowRollback = Annotated[
    bool,
    typer.Option(
        "--allow-rollback", metavar=NO_TYPE, help="Allow a saved plan that is a rollback.", rich_help_panel=_SAVED_PLAN
    ),
]
AllowDestroy = Annotated[
    bool,
    typer.Option(
        "--allow-destroy", metavar=NO_TYPE, help="Allow a saved plan of destroy.", rich_help_panel=_SAVED_PLAN
    ),
]
AllowAdopt = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-adopt",
        metavar="ADDRESS",
        help="Allow a saved plan to take over this DAG. Repeatable.",
        autocompletion=complete_address,
        rich_help_panel=_SAVED_PLAN,
    ),
]

# What is checked, and what is printed or saved.
Fresh = Annotated[
    bool,
    typer.Option(
        "--fresh",
        metavar=NO_TYPE,
        help="Compile every flow and read every deployed file, also those of which nothing has changed since an apply.",
    ),
]
KeepGoing = Annotated[
    bool,
    typer.Option(
        "--keep-going",
        "-k",
        metavar=NO_TYPE,
        help="Leave out flows with errors, and exit with 1. No apply takes such a plan.",
    ),
]
CheckCluster = Annotated[
    bool | None,
    typer.Option(
        "--check-cluster/--no-check-cluster",
        metavar=NO_TYPE,
        help="Ask the clusters whether they would accept the pods. Default: `kubernetes.check` of each environment.",
        rich_help_panel=_CLUSTERS,
    ),
]
PlanFile = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", callback=_check_path, help="Save the plan for apply.")
]
SavedPlanOption = Annotated[
    Path | None,
    typer.Option(
        "--from",
        metavar="FILE",
        callback=_check_path,
        help="Show this saved plan. No manifest, flow or target is read.",
    ),
]
SavedPlan = Annotated[
    Path | None,
    typer.Argument(
        metavar="PLAN",
        callback=_check_path,
        help="A plan that `mfdeploy plan --out` saved. Default: plan now.",
        show_default=False,
    ),
]
SiteFolder = Annotated[
    Path,
    typer.Option("--out", metavar="DIR", callback=_check_path, help="Folder that the pages are written to."),
]
Folder = Annotated[Path, typer.Argument(metavar="DIR", callback=_check_path, help="Folder to search for flows.")]
Format = Annotated[Literal["text", "json"], typer.Option("--format", help="Output format.")]
PageFormatOption = Annotated[PageFormat, typer.Option("--format", help="Output format. html: a page for a browser.")]
PlanPageFormatOption = Annotated[
    PlanPageFormat,
    typer.Option(
        "--format",
        help="Output format. html: a page for a browser. github: violations and warnings, as annotations.",
    ),
]
PlanFormatOption = Annotated[PlanFormat, typer.Option("--format", help="Output format.")]
Diff = Annotated[bool, typer.Option("--diff", metavar=NO_TYPE, help="Also show the diff of the DAG files.")]
DiagnosticsFormatOption = Annotated[
    Literal["text", "json", "github"],
    typer.Option("--format", help="Output format of problems. github: annotations beside the lines."),
]


SchemaName = Literal["manifest", "plan", "policy", "history", "result", "projects", "inventory", "site", "forecast"]
