"""Show a prepared plan, ask for confirmation, apply it and report."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from deployer.cli import DONE, REFUSED
from deployer.cli.airflow_options import Afterwards
from deployer.cli.arrivals import apply_and_wait
from deployer.cli.context import command_context
from deployer.cli.output import save_plan, write_message, write_plan, write_result, write_warnings
from deployer.cli.usage import bad_usage
from deployer.errors import DeployError, Diagnostic

if TYPE_CHECKING:
    from deployer.cli.output import PlanFormat
    from deployer.commands.apply import Prepared
    from deployer.models.selection import Selection
    from deployer.planning.guards import Permissions


def _without_asking(command: str) -> str:
    """What to do where nobody can be asked; `command` saves such a plan, if any does."""
    saved = f", or save a plan with `mfdeploy {command} --out FILE` and apply that" if command else ""
    return f"add --yes{saved}"


def apply_prepared(
    prepared: Prepared,
    permissions: Permissions,
    chosen: Selection,
    after: Afterwards,
    *,
    confirmed: bool,
    format: PlanFormat = "text",
) -> int:
    """Show the plan, ask unless it was `confirmed`, apply it, wait for Airflow and report; the exit code.

    As JSON and as Markdown the report is all that is printed to standard output. Raises DeployError.
    """
    from deployer.commands.apply import ApplyResult, differs, refuse_unpermitted

    write_warnings(prepared.view, format)
    if format == "text":
        write_plan(prepared.view, "text")
    if prepared.differences:
        write_result(differs(prepared), format)
        return REFUSED
    if not prepared.view.plan.pending:
        if format != "text":
            write_result(ApplyResult((), (), ()), format)
        return DONE
    with command_context() as context:
        refuse_unpermitted(prepared, permissions, context)
    if not confirmed and not _confirm(_command(prepared)):
        write_message("Nothing was applied.")
        return REFUSED
    result = apply_and_wait(prepared, permissions, chosen, after, format)
    return DONE if result.is_whole else REFUSED


def apply_several(plans: Sequence[Prepared], permissions: Permissions, *, confirmed: bool, format: PlanFormat) -> int:
    """Show the plans, ask once unless they were `confirmed`, and apply one after the other; the exit code.

    Raises DeployError if one of them may not be applied, before anything is.
    """
    from deployer.commands.apply import ApplyResult, execute_several, refuse_unpermitted

    for prepared in plans:
        write_warnings(prepared.view, format)
        if format == "text":
            write_plan(prepared.view, "text")
    with command_context() as context:
        for prepared in plans:
            refuse_unpermitted(prepared, permissions, context)
    if not plans:
        write_message("Nothing to destroy.") if format == "text" else write_result(ApplyResult((), (), ()), format)
        return DONE
    if not confirmed and not _confirm(""):
        write_message("Nothing was applied.")
        return REFUSED
    with command_context() as context:
        result = execute_several(plans, permissions, context)
    write_result(result, format)
    return REFUSED if result.failed or result.not_done else DONE


def save_or_apply(
    prepared: Prepared,
    permissions: Permissions,
    out: Path | None,
    chosen: Selection,
    after: Afterwards,
    *,
    confirmed: bool,
    format: PlanFormat,
) -> int:
    """Show the plan and save it to `out`; without a file apply it as `apply_prepared` does."""
    if out is None:
        return apply_prepared(prepared, permissions, chosen, after, confirmed=confirmed, format=format)
    with command_context() as context:
        from deployer.commands.plan import guarded_view

        view = guarded_view(prepared.context, context)
    write_warnings(view, format)
    write_plan(view, format)
    save_plan(out, view)
    return REFUSED if view.plan.blocking else DONE


def refuse_unasked(format: PlanFormat, command: str, *, confirmed: bool) -> None:
    """Raise DeployError for a result in another format that would have to ask: the plan itself is not printed.

    `command` saves such a plan, if any does.
    """
    if format != "text" and not confirmed:
        message = f"--format {format} cannot ask: the plan is not printed"
        raise DeployError(bad_usage(message, _without_asking(command)))


def _command(prepared: Prepared) -> str:
    plan = prepared.view.plan
    if plan.destroy:
        return "destroy"
    return "rollback ENTRY" if plan.rollback else "plan"


def _confirm(command: str) -> bool:
    if not sys.stdin.isatty():
        message = "nothing was applied: there is no terminal to ask on"
        raise DeployError(Diagnostic("not-confirmed", message, hint=_without_asking(command)))
    sys.stderr.write("Apply these changes? [y/N] ")
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if not answer:
        write_message("\n")  # Ctrl-D leaves the cursor behind the question
    return answer.strip().lower() in ("y", "yes")
