"""mfdeploy run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from deployer.cli import DONE, REFUSED
from deployer.cli.context import command_context
from deployer.cli.options import (
    DEFAULT_MANIFESTS,
    NO_TYPE,
    Environment,
    Flow,
    Format,
    Manifests,
    Variables,
    bad_usage,
    only_environment,
    selection,
)
from deployer.cli.output import write, write_json, write_message
from deployer.errors import DeployError

if TYPE_CHECKING:
    from deployer.commands.run import Progressed, StartedRun
    from deployer.context import Context

EXAMPLES = """
mfdeploy run train --env staging
mfdeploy run train --env staging --param alpha=0.1 --wait
"""


def run(
    flow: Flow,
    env: Environment = None,
    manifests: Manifests = DEFAULT_MANIFESTS,
    var: Variables = None,
    param: Annotated[
        list[str] | None,
        typer.Option("--param", metavar="NAME=VALUE", help="A parameter of the flow. Repeatable."),
    ] = None,
    run_id: Annotated[
        str,
        typer.Option("--run-id", metavar="ID", help="The run's id: the same again starts nothing. Default: the time."),
    ] = "",
    wait: Annotated[
        bool, typer.Option("--wait", metavar=NO_TYPE, help="Show the steps, and end as the run does.")
    ] = False,
    format: Format = "text",
) -> int:
    """Start a run of a deployed flow in the running Airflow.

    Parameters are checked before anything is sent. With --wait the exit code is 0 only if the run succeeds.
    """
    from deployer.commands.run import run

    given = _parameters(param or ())
    with command_context() as context:
        chosen = selection(manifests, var)
        started = run(chosen, flow, env or only_environment(manifests), given, context, run_id=run_id)
    if format == "text":
        write(f"{started.run.run_id}\n{started.page}\n")
    if not wait:
        return _report(started, None, format)
    with command_context() as context:
        return _report(started, _wait(started, context, format), format)


def _wait(started: StartedRun, context: Context, format: Format) -> Progressed | None:
    """The last look at the run; its steps are printed as they go."""
    from deployer.commands.run import follow
    from deployer.views.live_json import task_to_json
    from deployer.views.live_text import steps_to_lines

    shown: set[str] = set()
    last = None
    try:
        for last in follow(started, context.silently()):
            for line in steps_to_lines([task_to_json(task) for task in last.tasks]):
                if line not in shown and format == "text":
                    write(f"  {line}\n")
                shown.add(line)
    except KeyboardInterrupt:
        write_message("No longer waiting. The run goes on; `mfdeploy stop` ends it.")
        raise
    return last


def _report(started: StartedRun, last: Progressed | None, format: Format) -> int:
    from deployer.views.live_json import run_to_json, task_to_json

    run = last.run if last else started.run
    if format == "json":
        tasks = [task_to_json(task) for task in last.tasks] if last else []
        write_json({"address": started.flow.record.address, "page": started.page, **run_to_json(run), "tasks": tasks})
    elif last:
        write(f"{run.state}\n")
    return REFUSED if last and run.state != "success" else DONE


def _parameters(given: Sequence[str]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals or not name.strip():
            raise DeployError(bad_usage(f"--param {each!r} is not NAME=VALUE", "for example --param alpha=0.1"))
        if found.setdefault(name.strip(), value) != value:
            raise DeployError(bad_usage(f"--param {name.strip()} is given twice with different values", ""))
    return found
