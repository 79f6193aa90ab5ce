"""mfdeploy site."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated

import typer

from deployer.cli import DONE, REFUSED
from deployer.cli.chosen import selection
from deployer.cli.context import command_context
from deployer.cli.options import (
    DEFAULT_MANIFESTS,
    NO_TYPE,
    Environments,
    Exclude,
    Flows,
    Manifests,
    SiteFolder,
    Variables,
)
from deployer.cli.output import write, write_diagnostics
from deployer.cli.usage import bad_usage
from deployer.errors import DeployError, Severity

EXAMPLES = """
mfdeploy site
mfdeploy site --env prod --out public --offline
"""


def site(
    manifests: Manifests = DEFAULT_MANIFESTS,
    var: Variables = None,
    env: Environments = None,
    flow: Flows = None,
    exclude: Exclude = None,
    out: SiteFolder = Path("build/site"),
    all_projects: Annotated[
        bool,
        typer.Option(
            "--all-projects", metavar=NO_TYPE, help="Show what other manifest projects have at the targets, too."
        ),
    ] = False,
    offline: Annotated[
        bool, typer.Option("--offline", metavar=NO_TYPE, help="Leave out what the running Airflow knows.")
    ] = False,
    at: Annotated[
        str | None,
        typer.Option(
            "--at", metavar="TIME", help="Show the runs after this time (ISO 8601) as the next ones. Default: now."
        ),
    ] = None,
) -> int:
    """Write pages about all deployments, for people who read no YAML.

    Each flow has a page, and index.html searches them. The exit code is 1 if a flow is broken.
    """
    moment = _moment(at) if at is not None else None
    # A broken flow is shown as such beside the others.
    chosen = selection(manifests, var, environments=env, flows=flow, exclude=exclude, keep_going=True)
    from deployer.cli.site_folder import write_site

    with command_context(chosen, compiles=True, offline=offline) as context:
        from deployer.commands.site import site

        result = site(chosen, context, at=moment, all_projects=all_projects)
    from deployer.views.html.site import site_to_files
    from deployer.views.site_json import site_to_json
    from deployer.views.words import count

    write_site(out, site_to_files(site_to_json(result.site)))
    write_diagnostics(result.diagnostics)
    write(f"{out / 'index.html'}: {count(len(result.site.flows), 'flow')}.\n")
    return REFUSED if any(each.severity is Severity.ERROR for each in result.diagnostics) else DONE


def _moment(text: str) -> datetime:
    """A time as a user writes it; without an offset it is UTC. Raises DeployError."""
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        message = f"--at: not a time: {text!r}"
        raise DeployError(bad_usage(message, "for example --at 2026-11-26T17:00Z")) from error
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)
