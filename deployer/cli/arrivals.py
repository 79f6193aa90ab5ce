"""Apply a prepared plan, show how the running Airflow takes it, and go back where it cannot import it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from deployer.cli.airflow_options import Afterwards
from deployer.cli.context import command_context, make_context
from deployer.cli.output import write, write_data, write_diagnostics, write_message, write_result
from deployer.cli.terminal import terminal

if TYPE_CHECKING:
    from rich.table import Table

    from deployer.cli.output import PlanFormat
    from deployer.commands.apply import ApplyResult, Prepared
    from deployer.commands.arrive import Waiting
    from deployer.models.arrival import Arrival
    from deployer.models.selection import Selection
    from deployer.planning.guards import Permissions

_MOST_SHOWN = 12


def apply_and_wait(
    prepared: Prepared, permissions: Permissions, chosen: Selection, after: Afterwards, format: PlanFormat
) -> ApplyResult:
    """Apply a plan that was confirmed, and print the result. Raises DeployError."""
    from deployer.commands.arrive import prepare_returns

    result, waiting = _apply(prepared, permissions, after, format)
    with command_context() as context:
        returns, impossible = prepare_returns(waiting, result, chosen, context)
    if format == "text":
        write_diagnostics(impossible)
    result = replace(result, errors=[*result.errors, *impossible])
    for each in returns:
        if format == "text":
            write("\nThe earlier files are put back:\n")
        back, _ = _apply(each.prepared, each.permissions, after, format)
        result = replace(
            result,
            rolled_back=[*result.rolled_back, *back.done],
            warnings=[*result.warnings, *back.warnings],
            errors=[*result.errors, *back.errors],
        )
    if format != "text":
        write_result(result, format)
    return result


def _apply(
    prepared: Prepared, permissions: Permissions, after: Afterwards, format: PlanFormat
) -> tuple[ApplyResult, Sequence[Waiting]]:
    """Apply a plan and wait; as text also print both. Gives the result, and what was waited for."""
    from deployer.commands.apply import execute
    from deployer.commands.arrive import begin_waiting, forget, kept, listen, remember

    with command_context() as context:
        listening, unasked = ((), ()) if after.seconds == 0 else listen(prepared, context, after.seconds, after.forgets)
        result = execute(prepared, permissions, context)
        waiting = begin_waiting(listening, result, context)
    result = replace(result, warnings=[*result.warnings, *unasked])
    if format == "text":
        write_result(result, format)
    if not waiting:
        return result, ()
    _wait(waiting, format)
    with command_context() as context:
        forgotten, problems = forget(waiting) if after.forgets else ((), ())
        problems = [*problems, *remember(waiting, result, context)]
    arrivals = [kept(arrival) for each in waiting for _, arrival in sorted(each.watch.arrivals.items())]
    if format == "text":
        from deployer.views.arrival_text import arrivals_total, forgotten_to_text

        for arrival in forgotten:
            write_data(kept(arrival).model_dump(), "text", forgotten_to_text)
        write(f"{arrivals_total([arrival.model_dump() for arrival in arrivals])}\n")
        write_diagnostics(problems)
    return replace(result, arrivals=arrivals, warnings=[*result.warnings, *problems]), waiting


def _wait(waiting: Sequence[Waiting], format: PlanFormat) -> None:
    """Look until all has arrived or the time is over; as text print each as it does."""
    from deployer.commands.arrive import wait
    from deployer.views.arrival_text import waiting_to_text

    if format == "text":
        stdout = terminal(sys.stdout)
        number = sum(len(each.watch.waiting) for each in waiting)
        urls = sorted({each.watch.live.product().url for each in waiting})
        most = max(each.seconds for each in waiting)
        write(waiting_to_text(urls, number, most, width=stdout.width, colour=stdout.colour))
    try:
        # Without a progress bar, which would be in the table's way.
        with _table(waiting) as table:
            for arrived in wait(waiting, make_context()):
                if arrived and format == "text":
                    table.stop()
                    _write_arrived(arrived)
                table.start()
    except KeyboardInterrupt:
        write_message("No longer waiting. What was applied stays; `mfdeploy status` shows what Airflow has.")
        raise


def _write_arrived(arrived: Sequence[Arrival]) -> None:
    from deployer.commands.arrive import kept
    from deployer.views.arrival_text import arrival_to_text

    for arrival in arrived:
        write_data(kept(arrival).model_dump(), "text", arrival_to_text)


class _Shown(Protocol):
    """Something on the terminal that can be taken away and shown again."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


class _Nothing:
    def start(self) -> None:
        pass

    def stop(self) -> None:
        pass


@contextmanager
def _table(waiting: Sequence[Waiting]) -> Iterator[_Shown]:
    """A live table of what is waited for on the terminal of standard error; nothing elsewhere."""
    if not terminal(sys.stderr).interactive:
        yield _Nothing()
        return
    from rich.console import Console
    from rich.live import Live

    # It is stopped before anything is printed, and started again after.
    table = Live(
        get_renderable=lambda: _rows(waiting), console=Console(stderr=True), transient=True, refresh_per_second=2
    )
    try:
        yield table
    finally:
        table.stop()


def _rows(waiting: Sequence[Waiting]) -> Table:
    from rich.table import Table
    from rich.text import Text

    from deployer.models.visible import escape_controls

    table = Table.grid(padding=(0, 2))
    rows = [(each.watch.elapsed, *row) for each in waiting for row in each.watch.waiting.items()]
    for elapsed, expected, seen in rows[:_MOST_SHOWN]:
        table.add_row("  waiting", Text(escape_controls(expected.name)), Text(f"{elapsed} s"), Text(seen, style="dim"))
    if len(rows) > _MOST_SHOWN:
        table.add_row("", f"and {len(rows) - _MOST_SHOWN} more", "", "")
    return table
