"""The commands: options, one call of `deployer.commands`, one view.

What takes time to import is imported where it is used, so that `--help` answers at once.
"""

from __future__ import annotations

import functools
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployer import __version__
from deployer.cli import CHANGES, DONE, REFUSED
from deployer.cli.options import (
    DEFAULT_MANIFESTS,
    Adopt,
    AllowBranch,
    AllowDelete,
    AllowMassChange,
    AsText,
    CheckCluster,
    Environment,
    Environments,
    Exclude,
    FlowName,
    Flows,
    Limit,
    Manifests,
    PlanFormat,
    SchemaName,
    ShowFormat,
    ValidateFormat,
    Variables,
    Yes,
)
from deployer.cli.output import read_text, save_plan, say, tell, terminal, write, write_json, write_plan, write_result
from deployer.cli.progress import progress_bar
from deployer.errors import DeployError, Diagnostic, Severity

if TYPE_CHECKING:
    from deployer.commands.apply import Permissions, Prepared
    from deployer.commands.selection import Selection

app = typer.Typer(
    name="mfdeploy",
    help="Metaflow flows on Apache Airflow from YAML manifests: plan what would change, then publish exactly that.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _command(name: str) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Register a command. At a broken pipe Typer ends without a word, also where it is that of a worker of ours."""

    def register(function: Callable[..., int]) -> Callable[..., int]:
        @functools.wraps(function)
        def call(*arguments: Any, **options: Any) -> int:
            try:
                return function(*arguments, **options)
            except BrokenPipeError as error:
                raise RuntimeError("a pipe broke") from error

        return app.command(name)(call)

    return register


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> int:
    if version:
        write(f"mfdeploy {__version__}\n")
        raise typer.Exit(DONE)
    if context.invoked_subcommand is None:
        say(context.get_help())
        raise typer.Exit(REFUSED)
    return DONE


@_command("init")
def _init(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where to look for flows.")] = Path(),
) -> int:
    """Find the flows below DIR and write a first manifest."""
    from deployer.commands.init import init
    from deployer.views.inert import inert
    from deployer.views.plan_words import count

    result = init(folder)
    names = "".join(f"  {inert(name)}\n" for name in result.flows)
    write(f"Wrote {inert(str(result.manifest))} with {count(len(result.flows), 'flow')}:\n{names}")
    say(f"Next: mfdeploy plan --manifests {shlex.quote(str(result.manifest.parent))}")
    return DONE


@_command("validate")
def _validate(
    manifests: Manifests = DEFAULT_MANIFESTS,
    var: Variables = None,
    env: Environments = None,
    flow: Flows = None,
    exclude: Exclude = None,
    no_flows: Annotated[bool, typer.Option("--no-flows", help="Look at the manifests only.")] = False,
    format: Annotated[
        ValidateFormat, typer.Option("--format", help="How to print problems; github: beside the lines.")
    ] = ValidateFormat.text,
) -> int:
    """Check the manifests and the flows, as plan would."""
    from deployer.commands.validate import validate
    from deployer.views.annotations import diagnostics_to_annotations
    from deployer.views.diagnostics import diagnostics_to_json
    from deployer.views.plan_words import count

    selection = _selection(manifests, var, env, flow, exclude)
    with progress_bar() as progress:
        result = validate(selection, flows=not no_flows, progress=progress)
    failed = any(each.severity is Severity.ERROR for each in result.diagnostics)
    if format is ValidateFormat.json:
        write_json({"deployments": result.deployments, "diagnostics": diagnostics_to_json(result.diagnostics)})
        return REFUSED if failed else DONE
    if format is ValidateFormat.github:
        write(diagnostics_to_annotations(result.diagnostics))
    else:
        tell(result.diagnostics)
    if not failed:
        write(f"Valid: {count(result.deployments, 'deployment')}.\n")
    return REFUSED if failed else DONE


@_command("show")
def _show(
    flow: FlowName,
    env: Environment,
    manifests: Manifests = DEFAULT_MANIFESTS,
    var: Variables = None,
    format: AsText = ShowFormat.text,
) -> int:
    """Print a flow's settings with their sources, and its graph."""
    from deployer.commands.show import show
    from deployer.views.show_json import show_to_json
    from deployer.views.show_text import show_to_text

    result = show(_selection(manifests, var), flow, env)
    tell(result.warnings, result.secrets)
    shown = show_to_json(
        result.deployment, result.flow, result.dag_id, result.schedule, result.next_runs, result.secrets
    )
    if format is ShowFormat.json:
        write_json(shown)
    else:
        shown_on = terminal(sys.stdout)
        write(show_to_text(shown, width=shown_on.width, colour=shown_on.colour))
    return DONE


@_command("render")
def _render(flow: FlowName, env: Environment, manifests: Manifests = DEFAULT_MANIFESTS, var: Variables = None) -> int:
    """Print the DAG file of a flow."""
    from deployer.commands.render import render

    result = render(_selection(manifests, var), flow, env)
    tell(result.warnings)
    write(result.source)
    return DONE


@_command("plan")
def _plan(
    manifests: Manifests = DEFAULT_MANIFESTS,
    var: Variables = None,
    env: Environments = None,
    flow: Flows = None,
    exclude: Exclude = None,
    adopt: Adopt = None,
    against: Annotated[
        str | None,
        typer.Option(metavar="REV", help="Compare with what a git revision would deploy; no target is read."),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Save the plan, for apply.")] = None,
    format: Annotated[PlanFormat, typer.Option("--format", help="How to print the plan.")] = PlanFormat.text,
    diff: Annotated[bool, typer.Option("--diff", help="Also the difference of the DAG files' source.")] = False,
    check_cluster: CheckCluster = None,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit with 2 when there are changes.")
    ] = False,
) -> int:
    """Show what an apply would change, and why.

    Nothing is changed, anywhere.
    """
    from deployer.commands.plan import plan

    if diff and format is PlanFormat.json:
        raise DeployError(bad_usage("--diff has no JSON form", "leave it out, or use --format text or markdown"))
    if against is not None and out is not None:
        message = "a plan against a revision cannot be applied: --out does not go with --against"
        raise DeployError(bad_usage(message, "leave one of them out; --format json prints the plan as data"))
    if against is not None and check_cluster:
        message = "--check-cluster does not go with --against, which asks nobody but git"
        raise DeployError(bad_usage(message, "plan once with each"))
    selection = _selection(manifests, var, env, flow, exclude, adopt)
    with progress_bar() as progress:
        result = plan(selection, progress=progress, diff=diff, against=against, check_cluster=check_cluster)
    tell(result.warnings, result.secrets)
    write_plan(result, format)
    if out is not None:
        save_plan(out, result)
    return CHANGES if detailed_exitcode and result.plan.pending else DONE


@_command("apply")
def _apply(
    plan: Annotated[Path | None, typer.Argument(metavar="[PLAN]", help="A plan that `plan --out` saved.")] = None,
    manifests: Manifests = DEFAULT_MANIFESTS,
    var: Variables = None,
    env: Environments = None,
    flow: Flows = None,
    exclude: Exclude = None,
    adopt: Adopt = None,
    yes: Yes = False,
    allow_delete: AllowDelete = None,
    allow_mass_change: AllowMassChange = False,
    allow_branch: AllowBranch = False,
    check_cluster: CheckCluster = None,
) -> int:
    """Publish exactly what a plan says.

    Without PLAN the plan is made, shown and confirmed first.
    """
    from deployer.commands.apply import Permissions, prepare

    saved = None
    if plan is not None:
        if env or flow or exclude or adopt:
            message = "a saved plan is applied as it is: --env, --flow, --exclude and --adopt do not go with it"
            raise DeployError(bad_usage(message, "give them to `mfdeploy plan --out` instead"))
        from deployer.views.plan_json import plan_from_text

        saved = plan_from_text(read_text(plan), str(plan))
    with progress_bar() as progress:
        selection = _selection(manifests, var, env, flow, exclude, adopt)
        prepared = prepare(selection, saved=saved, progress=progress, check_cluster=check_cluster)
    permissions = Permissions(tuple(allow_delete or ()), allow_mass_change, allow_branch)
    return _carry_out(prepared, yes or saved is not None, permissions)


@_command("destroy")
def _destroy(
    env: Annotated[list[str], typer.Option("--env", "-e", metavar="NAME", help="Environment. Repeatable.")],
    manifests: Manifests = DEFAULT_MANIFESTS,
    var: Variables = None,
    flow: Flows = None,
    exclude: Exclude = None,
    yes: Yes = False,
    allow_delete: AllowDelete = None,
    allow_mass_change: AllowMassChange = False,
    allow_branch: AllowBranch = False,
) -> int:
    """Delete all that the manifests manage in an environment."""
    from deployer.commands.apply import Permissions, prepare

    with progress_bar() as progress:
        prepared = prepare(_selection(manifests, var, env, flow, exclude), destroy=True, progress=progress)
    return _carry_out(prepared, yes, Permissions(tuple(allow_delete or ()), allow_mass_change, allow_branch))


@_command("history")
def _history(
    env: Environment,
    manifests: Manifests = DEFAULT_MANIFESTS,
    var: Variables = None,
    flow: Flows = None,
    exclude: Exclude = None,
    limit: Limit = 10,
    format: AsText = ShowFormat.text,
) -> int:
    """Show what was applied to an environment, and by whom."""
    from deployer.commands.history import history
    from deployer.views.history import history_to_json, history_to_text

    with progress_bar():
        result = history(_selection(manifests, var, flow=flow, exclude=exclude), env, limit)
    shown = history_to_json(result.environment, result.entries, result.older, result.unrecorded, result.secrets)
    if format is ShowFormat.json:
        write_json(shown)
    else:
        shown_on = terminal(sys.stdout)
        write(history_to_text(shown, width=shown_on.width, colour=shown_on.colour))
    return DONE


@_command("rollback")
def _rollback(
    entry: Annotated[str, typer.Argument(metavar="ENTRY", help="An entry that `mfdeploy history` shows.")],
    env: Environment,
    manifests: Manifests = DEFAULT_MANIFESTS,
    var: Variables = None,
    flow: Flows = None,
    exclude: Exclude = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Save the plan, for apply, and stop.")] = None,
    yes: Yes = False,
    allow_delete: AllowDelete = None,
    allow_mass_change: AllowMassChange = False,
    allow_branch: AllowBranch = False,
) -> int:
    """Put back what was deployed right after ENTRY was applied."""
    from deployer.commands.apply import Permissions, prepare_rollback

    selection = _selection(manifests, var, [env], flow, exclude)
    with progress_bar() as progress:
        prepared = prepare_rollback(selection, entry, progress=progress)
    if out is None:
        return _carry_out(prepared, yes, Permissions(tuple(allow_delete or ()), allow_mass_change, allow_branch))
    tell(prepared.planned.warnings, prepared.planned.secrets)
    write_plan(prepared.planned, PlanFormat.text)
    save_plan(out, prepared.planned)
    return DONE


@_command("schema")
def _schema(
    name: Annotated[
        SchemaName | None, typer.Argument(metavar="[manifest|plan|history]", help="All of them when absent.")
    ] = None,
) -> int:
    """Print the JSON Schemas of all that is read and written."""
    write_json(_schema_of(name) if name else {each.value: _schema_of(each) for each in SchemaName})
    return DONE


def _schema_of(name: SchemaName) -> dict[str, Any]:
    if name is SchemaName.manifest:
        from deployer.commands.schema import manifest_schema

        return manifest_schema()
    if name is SchemaName.plan:
        from deployer.views.plan_format import plan_schema

        return plan_schema()
    from deployer.views.history_format import history_schema

    return history_schema()


def _carry_out(prepared: Prepared, agreed: bool, permissions: Permissions) -> int:
    """Show a prepared plan, ask unless that was done, apply it, report."""
    from deployer.commands.apply import execute, refuse_unpermitted

    tell(prepared.planned.warnings, prepared.planned.secrets)
    write_plan(prepared.planned, PlanFormat.text)
    if not prepared.planned.plan.pending:
        return DONE
    refuse_unpermitted(prepared, permissions)
    if not agreed and not _confirm():
        say("Nothing was applied.")
        return REFUSED
    with progress_bar() as progress:
        result = execute(prepared, permissions, progress=progress)
    write_result(result, prepared.planned.secrets)
    return REFUSED if result.failed or result.not_done else DONE


def _confirm() -> bool:
    if not sys.stdin.isatty():
        message = "nothing was applied: there is no terminal to ask on"
        hint = "add --yes, or save a plan with `mfdeploy plan --out FILE` and apply that"
        raise DeployError(Diagnostic("not-confirmed", message, hint=hint))
    sys.stderr.write("Apply these changes? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _selection(
    manifests: Path,
    var: list[str] | None,
    env: list[str] | None = None,
    flow: list[str] | None = None,
    exclude: list[str] | None = None,
    adopt: list[str] | None = None,
) -> Selection:
    from deployer.commands.selection import Selection

    patterns = [tuple(each or ()) for each in (env, flow, exclude, adopt)]
    return Selection(manifests, _variables(var or ()), *patterns)


def _variables(given: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals or not name.strip():
            raise DeployError(bad_usage(f"--var {each!r} is not NAME=VALUE", "for example --var branch=pr-12"))
        if found.setdefault(name.strip(), value) != value:
            raise DeployError(bad_usage(f"--var {name.strip()} is given twice with different values", ""))
    return found


def bad_usage(message: str, hint: str) -> Diagnostic:
    return Diagnostic("bad-usage", message, hint=hint)
