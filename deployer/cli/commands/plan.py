"""mfdeploy plan."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deployer.cli import CHANGES, DONE, REFUSED
from deployer.cli.airflow_options import Offline
from deployer.cli.chosen import from_variable, selection
from deployer.cli.context import command_context, make_context
from deployer.cli.options import (
    DEFAULT_MANIFESTS,
    NO_TYPE,
    POLICIES,
    PROJECTS,
    Adopt,
    CheckCluster,
    Diff,
    Environments,
    Exclude,
    Flows,
    Fresh,
    KeepGoing,
    Manifests,
    PlanFile,
    PlanPageFormatOption,
    Policies,
    Projects,
    SavedPlanOption,
    Variables,
)
from deployer.cli.output import PlanPageFormat, plan_writer, read_plan, save_plan, write_warnings
from deployer.cli.usage import bad_usage, refuse_unshown
from deployer.errors import DeployError

if TYPE_CHECKING:
    from deployer.models.selection import Selection

EXAMPLES = """
mfdeploy plan --env prod --out plan.json
mfdeploy plan --against origin/main --format markdown
mfdeploy plan --from plan.json --format markdown
mfdeploy plan --env prod --diff --format html > plan.html
"""


def plan(
    command: typer.Context,
    manifests: Manifests = DEFAULT_MANIFESTS,
    var: Variables = None,
    env: Environments = None,
    flow: Flows = None,
    exclude: Exclude = None,
    adopt: Adopt = None,
    projects: Projects = None,
    policies: Policies = None,
    against: Annotated[
        str | None,
        typer.Option(metavar="REV", help="Compare with what this git revision would deploy. Nothing deployed is read."),
    ] = None,
    out: PlanFile = None,
    saved: SavedPlanOption = None,
    format: PlanPageFormatOption = "text",
    diff: Diff = False,
    check_cluster: CheckCluster = None,
    fresh: Fresh = False,
    keep_going: KeepGoing = False,
    offline: Offline = False,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", metavar=NO_TYPE, help="Exit with 2 when there are changes.")
    ] = False,
) -> int:
    """Show what an apply would change, and why.

    Nothing is changed, anywhere.
    """

    chosen = selection(
        manifests,
        var,
        environments=env,
        flows=flow,
        exclude=exclude,
        adopt=adopt,
        keep_going=keep_going,
        projects=projects,
        policies=policies,
    )
    if saved is not None:
        if (
            chosen != selection(manifests, None, projects=from_variable(PROJECTS), policies=from_variable(POLICIES))
            or _is_written(command, "manifests")
            or against
            or out
            or diff
            or check_cluster is not None
            or fresh
            or offline
        ):
            message = "--from shows a saved plan as it is: beside it go --format and --detailed-exitcode only"
            raise DeployError(bad_usage(message, "leave --from out to plan anew"))
        return _show_saved(saved, format, detailed_exitcode=detailed_exitcode)
    _refuse_combinations(against, out, format, diff, check_cluster, keep_going)
    with _saying_how_to_go_on(chosen), command_context(chosen, compiles=against is None, offline=offline) as context:
        from deployer.commands.plan import plan

        write_plan = plan_writer(format)
        result = plan(
            chosen,
            context,
            diff=diff,
            against=against,
            check_cluster=check_cluster,
            fresh=fresh,
            with_loads=format == "html",
        )
    write_warnings(result, format)
    write_plan(result)
    if out is not None:
        save_plan(out, result)
    if result.plan.broken or result.plan.blocking or any(change.action == "conflict" for change in result.plan.changes):
        return REFUSED  # as its apply would be
    return CHANGES if detailed_exitcode and result.plan.pending else DONE


def _is_written(command: typer.Context, name: str) -> bool:
    """Whether an option stands on the command line, where its value does not tell it from its default."""
    source = command.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


@contextmanager
def _saying_how_to_go_on(chosen: Selection) -> Iterator[None]:
    """Raises the DeployError of the block with what plans the flows whose entries in the manifests have no error."""
    try:
        yield
    except DeployError as error:
        from deployer.pipeline.selecting import way_around_entries

        around = [] if chosen.keep_going else way_around_entries(chosen, make_context())
        raise DeployError([*error.diagnostics, *around]) from error


def _show_saved(path: Path, format: PlanPageFormat, *, detailed_exitcode: bool) -> int:
    """Show a saved plan again. Nothing but its file is read, so that a job that may load no flow can do it."""
    saved = read_plan(path)
    from deployer.commands.plan import PlanView

    plan_writer(format)(PlanView(saved))
    return CHANGES if detailed_exitcode and saved.pending else DONE


def _refuse_combinations(
    against: str | None,
    out: Path | None,
    format: PlanPageFormat,
    diff: bool,
    check_cluster: bool | None,
    keep_going: bool,
) -> None:
    refuse_unshown(format, diff=diff)
    if against is not None and out is not None:
        message = "a plan against a revision cannot be applied: --out does not go with --against"
        raise DeployError(bad_usage(message, "leave one of them out; --format json prints the plan as data"))
    if against is not None and check_cluster:
        message = "--check-cluster does not go with --against, which reads git only"
        raise DeployError(bad_usage(message, "plan once with each"))
    if against is not None and keep_going:
        message = "--keep-going does not go with --against: a flow may be broken on either side"
        raise DeployError(bad_usage(message, "leave the broken flows out with --exclude"))
