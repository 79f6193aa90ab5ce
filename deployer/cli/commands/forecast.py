"""mfdeploy forecast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployer.cli import DONE
from deployer.cli.chosen import only_environment, selection
from deployer.cli.context import command_context
from deployer.cli.options import DEFAULT_MANIFESTS, NO_TYPE, Environment, Manifests, Variables
from deployer.cli.output import ForecastFormat, write, write_data, write_diagnostics
from deployer.cli.usage import bad_usage
from deployer.errors import DeployError

if TYPE_CHECKING:
    from deployer.models.forecast import Forecast

EXAMPLES = """
mfdeploy forecast --env prod
mfdeploy forecast --env prod --days 30 --format json
mfdeploy forecast --env prod --offline --step-minutes 12 --items 50 --pool gpus=4
"""
_ASSUMED = "Assumed where no run shows it"
_LIMITS = "Limits"
_MOST_MINUTES, _MOST_ITEMS, _MOST_RUNS = 60 * 24 * 7, 100_000, 20


def forecast(
    manifests: Manifests = DEFAULT_MANIFESTS,
    var: Variables = None,
    env: Environment = None,
    days: Annotated[int, typer.Option("--days", metavar="N", min=1, max=31, help="For how many days.")] = 7,
    deployed: Annotated[
        bool,
        typer.Option("--deployed", metavar=NO_TYPE, help="Only what is deployed: no flow is compiled."),
    ] = False,
    timezone: Annotated[
        str | None,
        typer.Option(
            metavar="ZONE", help="Timezone of the times that are shown. Default: that of the schedules, else UTC."
        ),
    ] = None,
    step_minutes: Annotated[
        float,
        typer.Option(
            "--step-minutes",
            metavar="N",
            min=0.1,
            max=_MOST_MINUTES,
            help="How long each task takes.",
            rich_help_panel=_ASSUMED,
        ),
    ] = 5,
    items: Annotated[
        int,
        typer.Option(
            "--items",
            metavar="N",
            min=0,
            max=_MOST_ITEMS,
            help="How many items a foreach has.",
            rich_help_panel=_ASSUMED,
        ),
    ] = 10,
    runs: Annotated[
        int,
        typer.Option(
            "--runs",
            metavar="N",
            min=0,
            max=_MOST_RUNS,
            help="At how many runs of each flow to look in the running Airflow.",
            rich_help_panel=_ASSUMED,
        ),
    ] = 3,
    offline: Annotated[
        bool,
        typer.Option(
            "--offline", metavar=NO_TYPE, help="Assume everything: ask no running Airflow.", rich_help_panel=_ASSUMED
        ),
    ] = False,
    slots: Annotated[
        int | None,
        typer.Option(
            "--slots",
            metavar="N",
            min=0,
            help="How many tasks Airflow runs at once; 0 for no limit. Default: as it says, else 32.",
            show_default=False,
            rich_help_panel=_LIMITS,
        ),
    ] = None,
    pool: Annotated[
        list[str] | None,
        typer.Option(
            "--pool", metavar="NAME=SLOTS", help="How many tasks a pool takes. Repeatable.", rich_help_panel=_LIMITS
        ),
    ] = None,
    format: Annotated[
        ForecastFormat, typer.Option("--format", help="Output format. html: a page for a browser.")
    ] = "text",
) -> int:
    """Show the load that the schedules make, now and after an apply.

    Runs, pods, CPUs, memory and GPUs by hour, which runs start at the same time, and which minutes would be calmer.
    """
    name = env or only_environment(manifests)
    chosen = selection(manifests, var, environments=[name] if name else None)
    pools = _pools(pool or ())
    with command_context(chosen, compiles=not deployed, offline=offline) as context:
        from deployer.commands.forecast import forecast
        from deployer.pipeline.forecast import Request

        request = Request(
            days=days,
            step_seconds=max(round(step_minutes * 60), 1),
            items=items,
            runs=runs,
            slots=slots,
            pools=pools,
            timezone=timezone,
            only_deployed=deployed,
        )
        result = forecast(chosen, name, request, context)
    write_diagnostics(result.warnings)
    _write(result.forecast, format)
    return DONE


def _write(found: Forecast, format: ForecastFormat) -> None:
    from deployer.views.forecast_words import forecast_to_json

    data = forecast_to_json(found)
    if format == "markdown":
        from deployer.views.forecast_markdown import forecast_to_markdown

        write(forecast_to_markdown(data))
        return
    from deployer.views.forecast_text import forecast_to_text

    write_data(data, format, forecast_to_text, _page)


def _page(data: Mapping[str, Any]) -> str:
    from deployer.views.html.forecast import forecast_to_html

    return forecast_to_html(data)


def _pools(given: Sequence[str]) -> Mapping[str, int]:
    """The pools with their slots. Raises DeployError."""
    found: dict[str, int] = {}
    for each in given:
        name, equals, slots = each.rpartition("=")
        if not equals or not name.strip() or not slots.isdecimal() or len(slots) > len("1000000"):
            raise DeployError(bad_usage(f"--pool {each[:80]!r} is not NAME=SLOTS", "for example --pool gpus=4"))
        if found.setdefault(name.strip(), int(slots)) != int(slots):
            raise DeployError(bad_usage(f"--pool {name.strip()[:80]} is given twice", "give it once"))
    return found
