"""The Typer application: a group that knows the name and one line of each command, and builds the one that is used.

Typer builds every command of an application before it does anything, also before it prints a page of help.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption
from typer.main import get_command

from deployer import __version__
from deployer.cli import DONE, REFUSED
from deployer.cli.help import AnyContext, as_plain_flag, examples_epilog, render_help, rich_markup, use_checked_output
from deployer.cli.options import NO_TYPE
from deployer.cli.output import write
from deployer.cli.usage import bad_usage
from deployer.errors import DeployError

NAME = "mfdeploy"
_PATHS = ("DIR", "FILE", "PLAN")  # what help says of a value that is a path
# In the order in which they are used. Each line is the first of the command's own help.
COMMANDS: Mapping[str, str] = {
    "init": "Write a first manifest for the flows below a folder.",
    "validate": "Check the manifests and the flows, as plan would.",
    "list": "List all deployments: environment, flow, DAG id, schedule, file.",
    "show": "Print a flow's settings, where each comes from, and its graph.",
    "render": "Print the DAG file of a flow.",
    "plan": "Show what an apply would change, and why.",
    "forecast": "Show the load that the schedules make, now and after an apply.",
    "apply": "Publish exactly what a plan says.",
    "destroy": "Delete all DAGs that the manifests manage in an environment.",
    "dev": "Run an Airflow on this machine, and apply what you save.",
    "env": "Print the variables with which Metaflow finds the runs of a flow.",
    "history": "Show what was applied to an environment, when and by whom.",
    "rollback": "Restore what was deployed right after an entry of the history.",
    "previews": "List the previews in an environment; destroy those that are gone.",
    "status": "Show what is deployed, and what the running Airflow makes of it.",
    "run": "Start a run of a deployed flow in the running Airflow.",
    "event": "Publish an event: each flow that waits for it gets one run.",
    "runs": "List the newest runs of a deployed flow.",
    "logs": "Print what the tasks of a run wrote.",
    "retry": "Run what failed in a run of a flow again, and everything after it.",
    "stop": "End an active run of a flow: what runs of it is killed.",
    "pause": "Let Airflow start no more runs of a deployed flow.",
    "unpause": "Let Airflow start runs of a deployed flow.",
    "open": "Open Airflow's page of a deployed flow in a browser.",
    "site": "Write pages about all deployments, for people who read no YAML.",
    "policy": "List the policies, or run the examples that they carry.",
    "schema": "Print the JSON Schemas of manifests, plans, history and results.",
}


class Command(TyperCommand):
    """A command that refuses what Typer would ignore."""

    def get_help_option(self, ctx: AnyContext) -> TyperOption | None:
        """The option ``--help``."""
        option = super().get_help_option(ctx)
        if option is not None:
            use_checked_output(option)
        return option

    def parse_args(self, ctx: AnyContext, args: list[str]) -> list[str]:
        """Refuse a second value where there can be one: Typer would take the last. Raises DeployError."""
        values, _, given = self.make_parser(ctx).parse_args(list(args))
        for parameter in given:
            takes_one = isinstance(parameter, TyperOption) and not (parameter.multiple or parameter.is_flag)
            if takes_one and given.count(parameter) > 1:
                raise DeployError(bad_usage(f"{parameter.opts[0]} is given twice, and takes one value", "give it once"))
            if values.get(str(parameter.name)) == "" and parameter.metavar in _PATHS:
                # As a path it would be the working directory; a script's variable that is not set gives it.
                name = parameter.opts[0] if takes_one else parameter.metavar
                raise DeployError(bad_usage(f"{name} is given without a path", "name one, or leave it out"))
        return super().parse_args(ctx, args)

    def invoke(self, ctx: AnyContext) -> Any:
        """Run the command. A pipe that breaks meanwhile is a worker's: that of our output raises ReaderGone."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise RuntimeError("a pipe broke") from error


class Group(TyperGroup):
    """The commands, none of them built."""

    def get_help_option(self, ctx: AnyContext) -> TyperOption | None:
        """The option ``--help``."""
        option = super().get_help_option(ctx)
        if option is not None:
            use_checked_output(option)
        return option


class _Unbuilt(TyperCommand):
    """What the group's help shows of a command."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: AnyContext = None, **extra: Any
    ) -> AnyContext:
        """The context of the command that this one stands for, which is built now."""
        return build_command(str(self.name)).make_context(info_name, args, parent, **extra)


def build_command(name: str) -> Command:
    """One command, with its options."""
    module = importlib.import_module(f"deployer.cli.commands.{name}")
    markup = rich_markup()
    app = typer.Typer(add_completion=False, rich_markup_mode=markup)
    app.command(name, cls=Command, epilog=examples_epilog(module.EXAMPLES, markup))(getattr(module, name))
    command = get_command(app)
    assert isinstance(command, Command)
    return command


def build_group() -> Group:
    """The application, with each command by its name."""
    markup = rich_markup()
    app = typer.Typer(
        name=NAME,
        cls=Group,
        invoke_without_command=True,
        rich_markup_mode=markup,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_main)
    group = get_command(app)
    assert isinstance(group, Group)
    for option in group.params:
        if isinstance(option, TyperOption):
            as_plain_flag(option)
    for name, summary in COMMANDS.items():
        group.add_command(_Unbuilt(name, help=summary, short_help=summary, rich_markup_mode=markup))
    return group


def _main(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", metavar=NO_TYPE, help="Print the version and exit.")] = False,
) -> None:
    """Metaflow flows on Apache Airflow from YAML manifests: plan what would change, then publish exactly that."""
    if version:
        write(f"{NAME} {__version__}\n")
        raise typer.Exit(DONE)
    if context.invoked_subcommand is None:
        sys.stderr.write(render_help(context, sys.stderr))
        raise typer.Exit(REFUSED)
