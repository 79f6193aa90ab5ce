"""mfdeploy dev."""

from __future__ import annotations

import contextlib
import sys
import webbrowser
from typing import TYPE_CHECKING, Annotated

import typer

from deployer.cli import DONE
from deployer.cli.chosen import only_environment, selection
from deployer.cli.completion import complete_environment
from deployer.cli.context import make_context
from deployer.cli.options import DEFAULT_MANIFESTS, NO_TYPE, Exclude, Flows, Manifests, Variables
from deployer.cli.output import write, write_diagnostics, write_message
from deployer.cli.terminal import terminal

if TYPE_CHECKING:
    from deployer.commands.dev import Event

EXAMPLES = """
mfdeploy dev
mfdeploy dev --env local --port 9000 --no-open
"""
_LOCAL = "local"


def dev(
    env: Annotated[
        str | None,
        typer.Option(
            "--env",
            "-e",
            metavar="NAME",
            help="Environment. Default: local, or the only one.",
            autocompletion=complete_environment,
        ),
    ] = None,
    manifests: Manifests = DEFAULT_MANIFESTS,
    var: Variables = None,
    flow: Flows = None,
    exclude: Exclude = None,
    port: Annotated[
        int | None,
        typer.Option(
            "--port", metavar="N", min=1, max=65535, help="Port of the pages. Default: 8080 or the next free."
        ),
    ] = None,
    schedules: Annotated[
        bool, typer.Option("--schedules", metavar=NO_TYPE, help="Let schedules start runs. Default: only you do.")
    ] = False,
    open: Annotated[
        bool,
        typer.Option("--open/--no-open", metavar=NO_TYPE, help="Open the pages in a browser."),
    ] = True,
) -> int:
    """Run an Airflow on this machine, and apply what you save.

    Its environment is made once. Problems, import errors and what has arrived are printed as they come. Ctrl-C ends it.
    """
    from deployer.commands.dev import Serving, dev

    chosen = selection(manifests, var, flows=flow, exclude=exclude)
    # No progress bar: this goes on for as long as somebody works.
    context = make_context(notify=lambda what: write_message(f"Still waiting for {what}."))
    found = dev(chosen, env or _default(manifests), context, write_message, port=port, schedules=schedules)
    try:
        with contextlib.closing(found) as events:
            for event in events:
                _show(event)
                if open and isinstance(event, Serving):
                    webbrowser.open(event.url)
    except KeyboardInterrupt:
        # The way in which it is ended; its terminal may be gone.
        with contextlib.suppress(OSError):
            write_message("Ended; nothing of it runs any more.")
    return DONE


def _default(manifests: object) -> str:
    from pathlib import Path

    from deployer.manifest.load import outline

    assert isinstance(manifests, Path)
    return _LOCAL if _LOCAL in outline(manifests).environments else only_environment(manifests)


def _show(event: Event) -> None:
    from deployer.commands.dev import Applied, Arrived, Refused, Serving, Starting
    from deployer.views import dev_text

    stdout = terminal(sys.stdout)
    page = dev_text.DevText(stdout.width, stdout.colour)
    if isinstance(event, Refused):
        write_diagnostics(event.diagnostics)
    elif isinstance(event, Starting):
        write(page.starting(event.title, event.target))
    elif isinstance(event, Serving):
        write(page.serving(event.url))
    elif isinstance(event, Applied):
        write(page.applied(event.result.done, event.result.failed))
        write_diagnostics([*event.result.errors, *event.result.warnings])
    elif isinstance(event, Arrived):
        write(page.arrived(event.arrivals))
