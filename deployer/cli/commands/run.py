"""mfdeploy run."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from deployer.cli import DONE, REFUSED
from deployer.cli.chosen import assigned, only_environment, selection
from deployer.cli.context import command_context
from deployer.cli.options import DEFAULT_MANIFESTS, NO_TYPE, Environment, Flow, Format, Manifests, Variables
from deployer.cli.output import write, write_json, write_message

if TYPE_CHECKING:
    from deployer.commands.run import OwnRun, Progressed, StartedRun
    from deployer.context import Context
    from deployer.models.live import LiveTask

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

    Parameters are checked before anything is sent. With --wait the exit code is 0 only if the run succeeds. Where no
    Airflow runs for a folder on this machine, one process runs the flow to its end.
    """
    from deployer.commands.run import OwnRun, run

    given = assigned("--param", param or (), "alpha=0.1")
    with command_context() as context:
        chosen = selection(manifests, var)
        started = run(chosen, flow, env or only_environment(manifests), given, context, run_id=run_id)
    if isinstance(started, OwnRun):
        return _run_here(started, format)
    if format == "text":
        write(f"{started.run.run_id}\n{started.page}\n")
    if not wait:
        return _report(started, None, format)
    with command_context() as context:
        return _report(started, _wait(started, context, format), format)


def _wait(started: StartedRun, context: Context, format: Format) -> Progressed | None:
    """The last look at the run; its steps are printed as they go."""
    from deployer.commands.run import follow

    last, steps = None, _Steps(format)
    try:
        for last in follow(started, context.silently()):
            steps.write(last.tasks)
    except KeyboardInterrupt:
        write_message("No longer waiting. The run goes on; `mfdeploy stop` ends it.")
        raise
    return last


class _Steps:
    """Prints each step as it goes, and what it has said once only once."""

    def __init__(self, format: Format) -> None:
        self._prints = format == "text"
        self._shown: set[str] = set()

    def write(self, tasks: Sequence[LiveTask]) -> None:
        from deployer.views.live_json import task_to_json
        from deployer.views.live_text import steps_to_lines

        for line in steps_to_lines([task_to_json(task) for task in tasks]):
            if self._prints and line not in self._shown:
                write(f"  {line}\n")
            self._shown.add(line)


def _run_here(own: OwnRun, format: Format) -> int:
    """Run a flow in a process of its own, and print its steps as they go; the exit code is that of the run."""
    from deployer.commands.run import follow_own
    from deployer.views.live_json import run_to_json, task_to_json

    last, steps = None, _Steps(format)
    with contextlib.closing(follow_own(own, write_message)) as looks:
        for look in looks:
            if last is None and format == "text":
                write(f"{look.run.run_id}\n")
            steps.write(look.tasks)
            last = look
    assert last is not None
    if format == "json":
        tasks = [task_to_json(task) for task in last.tasks]
        write_json({"address": own.flow.record.address, "page": None, **run_to_json(last.run), "tasks": tasks})
    else:
        write(f"{last.run.state}\n")
    if last.run.state == "success":
        return DONE
    write_message(f"What the tasks wrote: {last.log}")
    return REFUSED


def _report(started: StartedRun, last: Progressed | None, format: Format) -> int:
    from deployer.views.live_json import run_to_json, task_to_json

    run = last.run if last else started.run
    if format == "json":
        tasks = [task_to_json(task) for task in last.tasks] if last else []
        write_json({"address": started.flow.record.address, "page": started.page, **run_to_json(run), "tasks": tasks})
    elif last:
        write(f"{run.state}\n")
    return REFUSED if last and run.state != "success" else DONE
