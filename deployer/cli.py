"""The command line: options, one command call, one view, the exit code. Nothing else prints or exits.

What takes time to import is imported where it is used, so that `--help` answers at once.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shlex
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from deployer import __version__
from deployer.errors import DeployError, Diagnostic, Severity
from deployer.options import (
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

if TYPE_CHECKING:
    from deployer.commands.apply import ApplyResult, Permissions, Prepared
    from deployer.commands.plan import PlanResult
    from deployer.commands.selection import Selection
    from deployer.views.terminal import Terminal

DONE, REFUSED, CHANGES, BUG, INTERRUPTED = 0, 1, 2, 3, 130

# Typer carries its own copy of Click in some versions and depends on Click in others; the class is one of both.
_UsageError: Any = typer.BadParameter.__mro__[1]

app = typer.Typer(
    name="mfdeploy",
    help="Metaflow flows on Apache Airflow from YAML manifests: plan what would change, then publish exactly that.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the command line and exit with its code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """The exit code of one command line: 0 done, 1 refused, 2 changes (if asked for), 3 a bug, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")
    try:
        code = app(list(arguments), prog_name="mfdeploy", standalone_mode=False)
        sys.stdout.flush()
    except DeployError as error:
        return _refuse(error.diagnostics, arguments)
    except _UsageError as error:
        return _refuse([_usage(error)], arguments)
    except (KeyboardInterrupt, typer.Abort):
        _say("Interrupted.")
        return INTERRUPTED
    except (_ReaderGone, BrokenPipeError):
        # What is still buffered must not fail once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return REFUSED
    except Exception as error:
        return _report_bug(error, arguments)
    if code == INTERRUPTED:  # newer versions of Typer turn Ctrl-C into this code
        _say("Interrupted.")
    return code if isinstance(code, int) else DONE


class _ReaderGone(Exception):
    """Whoever read our standard output went away."""


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
        _print(f"mfdeploy {__version__}\n")
        raise typer.Exit(DONE)
    if context.invoked_subcommand is None:
        _say(context.get_help())
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
    _print(f"Wrote {inert(str(result.manifest))} with {count(len(result.flows), 'flow')}:\n{names}")
    _say(f"Next: mfdeploy plan --manifests {shlex.quote(str(result.manifest.parent))}")
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
    with _progress() as progress:
        result = validate(selection, flows=not no_flows, progress=progress)
    failed = any(each.severity is Severity.ERROR for each in result.diagnostics)
    if format is ValidateFormat.json:
        _print_json({"deployments": result.deployments, "diagnostics": diagnostics_to_json(result.diagnostics)})
        return REFUSED if failed else DONE
    if format is ValidateFormat.github:
        _print(diagnostics_to_annotations(result.diagnostics))
    else:
        _tell(result.diagnostics)
    if not failed:
        _print(f"Valid: {count(result.deployments, 'deployment')}.\n")
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
    _tell(result.warnings, result.secrets)
    shown = show_to_json(
        result.deployment, result.flow, result.dag_id, result.schedule, result.next_runs, result.secrets
    )
    if format is ShowFormat.json:
        _print_json(shown)
    else:
        terminal = _terminal(sys.stdout)
        _print(show_to_text(shown, width=terminal.width, colour=terminal.colour))
    return DONE


@_command("render")
def _render(flow: FlowName, env: Environment, manifests: Manifests = DEFAULT_MANIFESTS, var: Variables = None) -> int:
    """Print the DAG file of a flow."""
    from deployer.commands.render import render

    result = render(_selection(manifests, var), flow, env)
    _tell(result.warnings)
    _print(result.source)
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
        raise DeployError(_bad_usage("--diff has no JSON form", "leave it out, or use --format text or markdown"))
    if against is not None and out is not None:
        message = "a plan against a revision cannot be applied: --out does not go with --against"
        raise DeployError(_bad_usage(message, "leave one of them out; --format json prints the plan as data"))
    if against is not None and check_cluster:
        message = "--check-cluster does not go with --against, which asks nobody but git"
        raise DeployError(_bad_usage(message, "plan once with each"))
    selection = _selection(manifests, var, env, flow, exclude, adopt)
    with _progress() as progress:
        result = plan(selection, progress=progress, diff=diff, against=against, check_cluster=check_cluster)
    _tell(result.warnings, result.secrets)
    _print_plan(result, format)
    if out is not None:
        _save(out, result)
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
            raise DeployError(_bad_usage(message, "give them to `mfdeploy plan --out` instead"))
        from deployer.views.plan_json import plan_from_text

        saved = plan_from_text(_read(plan), str(plan))
    with _progress() as progress:
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

    with _progress() as progress:
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

    with _progress():
        result = history(_selection(manifests, var, flow=flow, exclude=exclude), env, limit)
    shown = history_to_json(result.environment, result.entries, result.older, result.unrecorded, result.secrets)
    if format is ShowFormat.json:
        _print_json(shown)
    else:
        terminal = _terminal(sys.stdout)
        _print(history_to_text(shown, width=terminal.width, colour=terminal.colour))
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
    with _progress() as progress:
        prepared = prepare_rollback(selection, entry, progress=progress)
    if out is None:
        return _carry_out(prepared, yes, Permissions(tuple(allow_delete or ()), allow_mass_change, allow_branch))
    _tell(prepared.planned.warnings, prepared.planned.secrets)
    _print_plan(prepared.planned, PlanFormat.text)
    _save(out, prepared.planned)
    return DONE


@_command("schema")
def _schema(
    name: Annotated[
        SchemaName | None, typer.Argument(metavar="[manifest|plan|history]", help="All of them when absent.")
    ] = None,
) -> int:
    """Print the JSON Schemas of all that is read and written."""
    from deployer.commands.schema import manifest_schema
    from deployer.views.history import history_schema
    from deployer.views.plan_json import plan_schema

    schemas = {"manifest": manifest_schema, "plan": plan_schema, "history": history_schema}
    _print_json(schemas[name.value]() if name else {each: make() for each, make in schemas.items()})
    return DONE


def _carry_out(prepared: Prepared, agreed: bool, permissions: Permissions) -> int:
    """Show a prepared plan, ask unless that was done, apply it, report."""
    from deployer.commands.apply import execute, refuse_unpermitted

    _tell(prepared.planned.warnings, prepared.planned.secrets)
    _print_plan(prepared.planned, PlanFormat.text)
    if not prepared.planned.plan.pending:
        return DONE
    refuse_unpermitted(prepared, permissions)
    if not agreed and not _confirm():
        _say("Nothing was applied.")
        return REFUSED
    with _progress() as progress:
        result = execute(prepared, permissions, progress=progress)
    return _print_result(result, prepared.planned.secrets)


def _confirm() -> bool:
    if not sys.stdin.isatty():
        message = "nothing was applied: there is no terminal to ask on"
        hint = "add --yes, or save a plan with `mfdeploy plan --out FILE` and apply that"
        raise DeployError(Diagnostic("not-confirmed", message, hint=hint))
    sys.stderr.write("Apply these changes? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _print_plan(result: PlanResult, format: PlanFormat) -> None:
    from deployer.views.plan_json import plan_to_json
    from deployer.views.source_diff import source_diffs

    plan = plan_to_json(result.plan, result.secrets)
    if format is PlanFormat.json:
        _print_json(plan)
    elif format is PlanFormat.markdown:
        from deployer.views.plan_markdown import plan_to_markdown

        diffs = source_diffs(result.sources, secrets=result.secrets)
        _print(plan_to_markdown(plan, sources=diffs, secrets=result.secrets))
    else:
        from deployer.views.plan_text import plan_to_text

        terminal = _terminal(sys.stdout)
        for diff in source_diffs(result.sources, terminal.colour, result.secrets).values():
            _print(f"{diff}\n")
        _print(
            plan_to_text(
                plan,
                width=terminal.width,
                colour=terminal.colour,
                secrets=result.secrets,
            )
        )


def _print_result(result: ApplyResult, secrets: frozenset[str]) -> int:
    from deployer.views.result_text import result_to_json, result_to_text

    terminal = _terminal(sys.stdout)
    data = result_to_json(result.done, result.failed, result.not_done, secrets, result.namespaces)
    _print(f"\n{result_to_text(data, width=terminal.width, colour=terminal.colour)}")
    _tell([*result.errors, *result.warnings], secrets)
    return REFUSED if result.failed or result.not_done else DONE


def _save(out: Path, result: PlanResult) -> None:
    """Write the plan beside its place and move it there, so that no apply finds half of one."""
    from deployer.views.plan_json import plan_to_json

    text = json.dumps(plan_to_json(result.plan, result.secrets), indent=2) + "\n"
    beside = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(out)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise DeployError(_cannot("write", out, error)) from error
    _say(f"Saved to {out}. To apply exactly this: mfdeploy apply {shlex.quote(str(out))}")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DeployError(_cannot("read", path, error)) from error


def _cannot(verb: str, path: Path, error: Exception) -> Diagnostic:
    reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
    return Diagnostic(f"cannot-{verb}", f"cannot {verb} {path}: {reason}")


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
            raise DeployError(_bad_usage(f"--var {each!r} is not NAME=VALUE", "for example --var branch=pr-12"))
        if found.setdefault(name.strip(), value) != value:
            raise DeployError(_bad_usage(f"--var {name.strip()} is given twice with different values", ""))
    return found


def _bad_usage(message: str, hint: str) -> Diagnostic:
    return Diagnostic("bad-usage", message, hint=hint)


def _usage(error: Any) -> Diagnostic:
    message = str(error.format_message()).strip()
    context = getattr(error, "ctx", None)
    hint = f"see `{context.command_path} --help`" if context else ""
    return _bad_usage(message[:1].lower() + message[1:].rstrip("."), hint)


def _refuse(diagnostics: Sequence[Diagnostic], arguments: Sequence[str]) -> int:
    if _wants_json(arguments):
        from deployer.views.diagnostics import diagnostics_to_json

        _print_json({"diagnostics": diagnostics_to_json(diagnostics)})
    else:
        _tell(diagnostics)
    return REFUSED


def _wants_json(arguments: Sequence[str]) -> bool:
    """Looked up in the raw arguments: a refusal may come before they are understood."""
    pairs = zip(arguments, [*arguments[1:], ""], strict=True)
    return any(pair == ("--format", "json") or pair[0] == "--format=json" for pair in pairs)


def _report_bug(error: Exception, arguments: Sequence[str]) -> int:
    # Only the kind of error is printed: its message may hold anything, a secret too.
    handle, name = tempfile.mkstemp(prefix="mfdeploy-", suffix=".txt")
    with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(f"mfdeploy {__version__}, Python {sys.version}\n\n{''.join(traceback.format_exception(error))}")
    message = f"this is a bug in mfdeploy ({type(error).__name__}); please report it with {name}"
    _refuse([Diagnostic("bug", message)], arguments)
    return BUG


def _print(text: str) -> None:
    """Put a result on standard output, as UTF-8 whatever the locale says."""
    try:
        if buffer := getattr(sys.stdout, "buffer", None):
            sys.stdout.flush()
            buffer.write(text.encode("utf-8", errors="backslashreplace"))
        else:
            sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise _ReaderGone from error


def _print_json(data: Mapping[str, Any]) -> None:
    _print(json.dumps(data, indent=2) + "\n")


def _say(text: str) -> None:
    """Put anything but a result on standard error."""
    from deployer.views.inert import inert

    sys.stderr.write("".join(f"{inert(line)}\n" for line in text.splitlines()))
    sys.stderr.flush()


def _tell(diagnostics: Sequence[Diagnostic], secrets: frozenset[str] = frozenset()) -> None:
    if diagnostics:
        from deployer.views.diagnostics import diagnostics_to_text

        sys.stderr.write(diagnostics_to_text(diagnostics, _terminal(sys.stderr).colour, secrets))
        sys.stderr.flush()


def _terminal(stream: TextIO) -> Terminal:
    from deployer.views.terminal import terminal_of

    return terminal_of(stream, os.environ)


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[str], None] | None]:
    """One line on standard error that says what is being done, and goes away; nothing where that is no terminal."""
    if not _terminal(sys.stderr).interactive:
        yield None
        return
    from rich.console import Console
    from rich.text import Text

    from deployer.views.inert import inert

    console = Console(stderr=True)
    with console.status(Text("reading the manifests"), spinner="line") as status:
        yield lambda text: status.update(Text(inert(text), overflow="ellipsis", no_wrap=True))


if __name__ == "__main__":
    main()
