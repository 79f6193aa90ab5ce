"""The commands: options, one call of `deployer.commands`, one view.

What takes time to import is imported where it is used, so that `--help` answers at once.
"""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deployer import __version__
from deployer.cli import CHANGES, DONE, REFUSED
from deployer.cli.context import make_context
from deployer.cli.options import (
    CHECK_CLUSTER,
    DEFAULT_MANIFESTS,
    ENVIRONMENT,
    ENVIRONMENTS,
    FLOW,
    PATH,
    SCHEMA_NAMES,
    YES,
    PlanFormat,
    SchemaName,
    bad_usage,
    output_format,
    permits,
    selects,
)
from deployer.cli.output import (
    read_text,
    save_plan,
    say,
    tell,
    write,
    write_json,
    write_plan,
    write_result,
    write_shown,
)
from deployer.cli.progress import progress_bar
from deployer.errors import DeployError, Diagnostic, Severity

if TYPE_CHECKING:
    from deployer.commands.apply import Prepared
    from deployer.models.selection import Selection
    from deployer.planning.guards import Permissions


class _ShowsHelp(click.Command):
    def get_help_option(self, context: click.Context) -> click.Option | None:
        """Help is a result like any other: click would print it by itself, and fail where it cannot."""
        option = super().get_help_option(context)
        if option is not None:
            option.callback = _write_help
        return option


def _write_help(context: click.Context, option: click.Parameter, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        write(f"{context.get_help()}\n")
        context.exit(DONE)


class _Command(_ShowsHelp):
    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Refuses a second environment or folder where there can be one: click would leave out the first."""
        _, _, given = self.make_parser(context).parse_args(list(args))
        for option in given:
            if option.name in ("env", "manifests") and not option.multiple and given.count(option) > 1:
                raise DeployError(bad_usage(f"{option.opts[0]} is given twice, and takes one value", "give it once"))
        return super().parse_args(context, args)

    def invoke(self, context: click.Context) -> Any:
        """A pipe that breaks in a command is that of a worker of ours: whoever reads our output has `ReaderGone`."""
        try:
            return super().invoke(context)
        except BrokenPipeError as error:
            raise RuntimeError("a pipe broke") from error


class _Commands(_ShowsHelp, click.Group):
    command_class = _Command

    def list_commands(self, context: click.Context) -> list[str]:
        """In the order in which they are used, which is that of this file."""
        return list(self.commands)


@click.group(
    "mfdeploy",
    cls=_Commands,
    invoke_without_command=True,
    subcommand_metavar="COMMAND [ARGS]...",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option("--version", is_flag=True, help="Print the version and exit.")
@click.pass_context
def app(context: click.Context, version: bool) -> None:
    """Metaflow flows on Apache Airflow from YAML manifests: plan what would change, then publish exactly that."""
    if version:
        write(f"mfdeploy {__version__}\n")
        context.exit(DONE)
    if context.invoked_subcommand is None:
        say(context.get_help())
        context.exit(REFUSED)


@app.command()
@click.argument("folder", metavar="[DIR]", type=PATH, default=".")
def init(folder: Path) -> int:
    """Find the flows below DIR and write a first manifest."""
    from deployer.commands.init import init
    from deployer.views.escape_controls import escape_controls
    from deployer.views.plan_words import count

    result = init(folder)
    names = "".join(f"  {escape_controls(name)}\n" for name in result.flows)
    write(f"Wrote {escape_controls(str(result.manifest))} with {count(len(result.flows), 'flow')}:\n{names}")
    elsewhere = (
        ""
        if result.manifest.parent == DEFAULT_MANIFESTS
        else f" --manifests {shlex.quote(str(result.manifest.parent))}"
    )
    say(f"Next: mfdeploy plan{elsewhere}")
    return DONE


@app.command()
@selects("env", "flow", "exclude")
@click.option("--no-flows", is_flag=True, help="Look at the manifests only.")
@output_format("text", "json", "github", help="How to print problems; github: beside the lines.")
def validate(selection: Selection, no_flows: bool, format: str) -> int:
    """Check the manifests and the flows, as plan would."""
    from deployer.commands.validate import validate

    with progress_bar() as progress:
        result = validate(selection, make_context(progress), flows=not no_flows)
    failed = any(each.severity is Severity.ERROR for each in result.diagnostics)
    if format == "json":
        from deployer.views.diagnostics import diagnostics_to_json

        write_json({"deployments": result.deployments, "diagnostics": diagnostics_to_json(result.diagnostics)})
        return REFUSED if failed else DONE
    if format == "github":
        from deployer.views.annotations import diagnostics_to_annotations

        write(diagnostics_to_annotations(result.diagnostics))
    else:
        tell(result.diagnostics)
    if not failed:
        from deployer.views.plan_words import count

        write(f"Valid: {count(result.deployments, 'deployment')}.\n")
    return REFUSED if failed else DONE


@app.command()
@FLOW
@ENVIRONMENT
@selects()
@output_format("text", "json")
def show(flow: str, env: str, selection: Selection, format: str) -> int:
    """Print a flow's settings with their sources, and its graph."""
    from deployer.commands.show import show
    from deployer.views.show_json import show_to_json
    from deployer.views.show_text import show_to_text

    result = show(selection, flow, env, make_context())
    tell(result.warnings, result.secrets)
    shown = show_to_json(
        result.deployment, result.flow, result.dag_id, result.schedule, result.next_runs, result.secrets
    )
    write_shown(shown, format, show_to_text)
    return DONE


@app.command()
@FLOW
@ENVIRONMENT
@selects()
def render(flow: str, env: str, selection: Selection) -> int:
    """Print the DAG file of a flow."""
    from deployer.commands.render import render

    result = render(selection, flow, env, make_context())
    tell(result.warnings)
    write(result.source)
    return DONE


@app.command()
@selects("env", "flow", "exclude", "adopt")
@click.option("--against", metavar="REV", help="Compare with what a git revision would deploy; no target is read.")
@click.option("--out", type=PATH, metavar="FILE", help="Save the plan, for apply.")
@output_format("text", "json", "markdown", help="How to print the plan.")
@click.option("--diff", is_flag=True, help="Also the difference of the DAG files' source.")
@CHECK_CLUSTER
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when there are changes.")
def plan(
    selection: Selection,
    against: str | None,
    out: Path | None,
    format: PlanFormat,
    diff: bool,
    check_cluster: bool | None,
    detailed_exitcode: bool,
) -> int:
    """Show what an apply would change, and why.

    Nothing is changed, anywhere.
    """
    from deployer.commands.plan import plan

    if diff and format == "json":
        raise DeployError(bad_usage("--diff has no JSON form", "leave it out, or use --format text or markdown"))
    if against is not None and out is not None:
        message = "a plan against a revision cannot be applied: --out does not go with --against"
        raise DeployError(bad_usage(message, "leave one of them out; --format json prints the plan as data"))
    if against is not None and check_cluster:
        message = "--check-cluster does not go with --against, which asks nobody but git"
        raise DeployError(bad_usage(message, "plan once with each"))
    with progress_bar() as progress:
        context = make_context(progress)
        result = plan(selection, context, diff=diff, against=against, check_cluster=check_cluster)
    tell(result.warnings, result.secrets)
    write_plan(result, format)
    if out is not None:
        save_plan(out, result)
    return CHANGES if detailed_exitcode and result.plan.pending else DONE


@app.command()
@click.argument("plan", metavar="[PLAN]", type=PATH, required=False)
@selects("env", "flow", "exclude", "adopt")
@YES
@permits
@CHECK_CLUSTER
def apply(
    plan: Path | None, selection: Selection, yes: bool, permissions: Permissions, check_cluster: bool | None
) -> int:
    """Publish exactly what a plan says.

    PLAN is one that `mfdeploy plan --out` saved. Without it the plan is made, shown and confirmed first.
    """
    from deployer.commands.apply import prepare

    saved = None
    if plan is not None:
        if selection.environments or selection.flows or selection.exclude or selection.adopt:
            message = "a saved plan is applied as it is: --env, --flow, --exclude and --adopt do not go with it"
            raise DeployError(bad_usage(message, "give them to `mfdeploy plan --out` instead"))
        from deployer.views.plan_json import plan_from_text

        saved = plan_from_text(read_text(plan), str(plan))
    with progress_bar() as progress:
        prepared = prepare(selection, make_context(progress), saved=saved, check_cluster=check_cluster)
    return _carry_out(prepared, yes or saved is not None, permissions)


@app.command()
@ENVIRONMENTS
@selects("flow", "exclude")
@YES
@permits
def destroy(env: tuple[str, ...], selection: Selection, yes: bool, permissions: Permissions) -> int:
    """Delete all that the manifests manage in an environment."""
    from deployer.commands.destroy import prepare_destroy

    with progress_bar() as progress:
        prepared = prepare_destroy(replace(selection, environments=env), make_context(progress))
    return _carry_out(prepared, yes, permissions)


@app.command()
@ENVIRONMENT
@selects("flow", "exclude")
@click.option(
    "--limit", type=click.IntRange(min=1), metavar="N", default=10, show_default=True, help="How many entries to show."
)
@output_format("text", "json")
def history(env: str, selection: Selection, limit: int, format: str) -> int:
    """Show what was applied to an environment, and by whom."""
    from deployer.commands.history import history
    from deployer.views.history import history_to_json, history_to_text

    with progress_bar():
        result = history(selection, env, limit, make_context())
    shown = history_to_json(result.environment, result.entries, result.older, result.unrecorded, result.secrets)
    write_shown(shown, format, history_to_text)
    return DONE


@app.command()
@click.argument("entry", metavar="ENTRY")
@ENVIRONMENT
@selects("flow", "exclude")
@click.option("--out", type=PATH, metavar="FILE", help="Save the plan, for apply, and stop.")
@YES
@permits
def rollback(entry: str, env: str, selection: Selection, out: Path | None, yes: bool, permissions: Permissions) -> int:
    """Put back what was deployed right after ENTRY was applied.

    `mfdeploy history` shows the entries.
    """
    from deployer.commands.apply import prepare_rollback

    with progress_bar() as progress:
        prepared = prepare_rollback(replace(selection, environments=(env,)), entry, make_context(progress))
    if out is None:
        return _carry_out(prepared, yes, permissions)
    tell(prepared.view.warnings, prepared.view.secrets)
    write_plan(prepared.view, "text")
    save_plan(out, prepared.view)
    return DONE


@app.command()
@click.argument("name", metavar=f"[{'|'.join(SCHEMA_NAMES)}]", type=click.Choice(SCHEMA_NAMES), required=False)
def schema(name: SchemaName | None) -> int:
    """Print the JSON Schemas of all that is read and written."""
    from deployer.commands.schema import schema

    write_json(schema(name) if name else {each: schema(each) for each in SCHEMA_NAMES})
    return DONE


def _carry_out(prepared: Prepared, agreed: bool, permissions: Permissions) -> int:
    """Show a prepared plan, ask unless that was done, apply it, report."""
    from deployer.commands.apply import execute, refuse_unpermitted

    tell(prepared.view.warnings, prepared.view.secrets)
    write_plan(prepared.view, "text")
    if not prepared.view.plan.pending:
        return DONE
    refuse_unpermitted(prepared, permissions, make_context())
    if not agreed and not _confirm():
        say("Nothing was applied.")
        return REFUSED
    with progress_bar() as progress:
        result = execute(prepared, permissions, make_context(progress))
    write_result(result, prepared.view.secrets)
    return REFUSED if result.failed or result.not_done else DONE


def _confirm() -> bool:
    if not sys.stdin.isatty():
        message = "nothing was applied: there is no terminal to ask on"
        hint = "add --yes, or save a plan with `mfdeploy plan --out FILE` and apply that"
        raise DeployError(Diagnostic("not-confirmed", message, hint=hint))
    sys.stderr.write("Apply these changes? [y/N] ")
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if not answer:
        say("\n")  # Ctrl-D leaves the cursor behind the question
    return answer.strip().lower() in ("y", "yes")
