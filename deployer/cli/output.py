"""What the commands print: results on standard output, everything else on standard error."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

from deployer.cli.terminal import terminal
from deployer.errors import DeployError, Diagnostic, Severity
from deployer.models.regular_file import read_at_most

if TYPE_CHECKING:
    from deployer.commands.apply import ApplyResult
    from deployer.commands.plan import PlanView
    from deployer.models.plan import Plan

_MOST_OF_A_PLAN = 250_000_000  # bytes: ten thousand DAGs have 80 MB

PlanFormat = Literal["text", "json", "markdown"]
ForecastFormat = Literal["text", "json", "markdown", "html"]
PlanPageFormat = Literal["text", "json", "markdown", "html", "github"]
PageFormat = Literal["text", "json", "html"]
JsonT = TypeVar("JsonT", bound=Mapping[str, object], contravariant=True)


class ReaderGone(Exception):
    """The reader of standard output has closed it."""


class Unwritable(DeployError):
    """Standard output cannot be written, so that the error cannot be printed there either."""


def write(text: str) -> None:
    """Write a result to standard output, as UTF-8 in any locale. Raises Unwritable or ReaderGone."""
    try:
        if buffer := getattr(sys.stdout, "buffer", None):
            sys.stdout.flush()
            buffer.write(text.encode("utf-8", errors="backslashreplace"))
        else:
            sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise ReaderGone from error
    except OSError as error:
        raise Unwritable(cannot("write", "standard output", error)) from error


def abandon_stdout() -> None:
    """Redirect standard output to the null device, so that buffered output does not fail again at exit."""
    with contextlib.suppress(FileNotFoundError):  # no null device: Python ends with 120, and says why
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def write_json(data: Mapping[str, object]) -> None:
    """Print a JSON object."""
    write(json.dumps(data, indent=2) + "\n")


def write_message(text: str) -> None:
    """Print a message on standard error."""
    from deployer.models.visible import escape_controls

    sys.stderr.write("".join(f"{escape_controls(line)}\n" for line in text.splitlines()))
    sys.stderr.flush()


def write_diagnostics(diagnostics: Sequence[Diagnostic]) -> None:
    """Print errors and warnings on standard error."""
    if diagnostics:
        from deployer.views.diagnostics import diagnostics_to_text

        sys.stderr.write(diagnostics_to_text(diagnostics, terminal(sys.stderr).colour))
        sys.stderr.flush()


def write_warnings(result: PlanView, format: PlanPageFormat) -> None:
    """Print the warnings of a plan on standard error too, unless its text shows them on the same terminal.

    Errors, which a plan without its broken flows has, are always printed.
    """
    shown = format == "text" and sys.stdout.isatty() and sys.stderr.isatty()
    write_diagnostics([each for each in result.warnings if not shown or each.severity is Severity.ERROR])


class TextView(Protocol[JsonT]):
    """Makes text for a terminal from a JSON object."""

    def __call__(self, data: JsonT, /, *, width: int, colour: bool) -> str: ...


def write_data(
    data: JsonT, format: PageFormat, to_text: TextView[JsonT], to_html: Callable[[JsonT], str] | None = None
) -> None:
    """Print a JSON object as it is or, with the formats ``text`` and ``html``, as `to_text` and `to_html` show it."""
    if format == "json":
        write_json(data)
        return
    if format == "html" and to_html is not None:
        write(to_html(data))
        return
    stdout = terminal(sys.stdout)
    write(to_text(data, width=stdout.width, colour=stdout.colour))


def write_validation(diagnostics: Sequence[Diagnostic], deployments: int, format: str) -> None:
    """Print the diagnostics of a validation: as JSON, as annotations for GitHub, or as text on standard error."""
    if format == "json":
        from deployer.views.diagnostics import diagnostics_to_json

        write_json({"deployments": deployments, "diagnostics": diagnostics_to_json(diagnostics)})
        return
    if format == "github":
        from deployer.views.annotations import diagnostics_to_annotations

        write(diagnostics_to_annotations(diagnostics))
    else:
        write_diagnostics(diagnostics)
    if not any(each.severity is Severity.ERROR for each in diagnostics):
        from deployer.views.words import count

        write(f"Valid: {count(deployments, 'deployment')}.\n")


def write_plan(result: PlanView, format: PlanPageFormat) -> None:
    """Print a plan, and the source diffs if there are any."""
    plan_writer(format)(result)


def plan_writer(format: PlanPageFormat) -> Callable[[PlanView], None]:
    """What prints a plan in this format, with its view imported: that can be done while flows still compile."""
    from deployer.views.plan_json import plan_to_json

    if format == "json":
        return lambda result: write_json(plan_to_json(result.plan))
    if format == "html":
        return _write_as_html()
    if format == "github":
        return _write_as_annotations()
    return _write_as_markdown() if format == "markdown" else _write_as_text()


def _write_as_annotations() -> Callable[[PlanView], None]:
    from deployer.views.annotations import plan_to_annotations

    return lambda result: write(plan_to_annotations(result.plan))


def _write_as_html() -> Callable[[PlanView], None]:
    from deployer.views.forecast_words import forecast_to_json
    from deployer.views.html.plan import plan_to_html
    from deployer.views.plan_json import plan_to_json
    from deployer.views.source_diff import source_diffs

    def write_page(result: PlanView) -> None:
        loads = {name: forecast_to_json(load) for name, load in result.loads.items()}
        write(plan_to_html(plan_to_json(result.plan), sources=source_diffs(result.sources), loads=loads))

    return write_page


def _write_as_markdown() -> Callable[[PlanView], None]:
    from deployer.views.plan_json import plan_to_json
    from deployer.views.plan_markdown import plan_to_markdown
    from deployer.views.source_diff import source_diffs

    return lambda result: write(plan_to_markdown(plan_to_json(result.plan), sources=source_diffs(result.sources)))


def _write_as_text() -> Callable[[PlanView], None]:
    from deployer.views.plan_json import plan_to_json
    from deployer.views.plan_text import plan_to_text
    from deployer.views.source_diff import source_diffs

    stdout = terminal(sys.stdout)

    def write_as_text(result: PlanView) -> None:
        for diff in source_diffs(result.sources, stdout.colour).values():
            write(f"{diff}\n")
        write(plan_to_text(plan_to_json(result.plan, brief=True), width=stdout.width, colour=stdout.colour))

    return write_as_text


def write_result(result: ApplyResult, format: PlanFormat) -> None:
    """Print the result of an apply, then its errors and warnings on standard error."""
    from deployer.views.result_text import result_to_json, result_to_text

    data = result_to_json(
        result.done,
        result.failed,
        result.not_done,
        result.namespaces,
        result.differences,
        result.arrivals,
        result.rolled_back,
    )
    if format == "json":
        write_json(data)
    elif format == "markdown":
        from deployer.views.result_markdown import result_to_markdown

        write(result_to_markdown(data))
    else:
        stdout = terminal(sys.stdout)
        write(f"\n{result_to_text(data, width=stdout.width, colour=stdout.colour)}")
    write_diagnostics([*result.errors, *result.warnings])


def replace_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: a hidden file beside it takes its place. Raises OSError."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise


def save_plan(out: Path, result: PlanView) -> None:
    """Save a plan to a file atomically: write a temporary file beside it and rename that. Raises DeployError.

    A device, a pipe or a symbolic link (`/dev/stdout`) is written directly and not replaced.
    """
    from deployer.planning.assertions import needed_options
    from deployer.views.plan_json import plan_to_json

    text = json.dumps(plan_to_json(result.plan), indent=2) + "\n"
    special = out.is_symlink() or (out.exists() and not out.is_file())
    try:
        if special:
            out.write_text(text, encoding="utf-8")
        else:
            replace_file(out, text.encode())
    except OSError as error:
        raise DeployError(cannot("write", out, error)) from error
    if result.plan.broken:
        write_message(f"Saved to {out}. No apply takes it: it is not whole.")
        return
    if result.plan.blocking:
        write_message(f"Saved to {out}. No apply takes it: it violates policies.")
        return
    command = shlex.join(["mfdeploy", "apply", str(out), *needed_options(result.plan)])
    write_message(f"Saved to {out}. To apply exactly this: {command}")


def read_plan(path: Path) -> Plan:
    """Read a saved plan. Raises DeployError."""
    from deployer.views.plan_json import plan_from_text

    try:
        # A pipe, too: whoever applies names the file.
        with path.open("rb") as stream:
            text = read_at_most(stream, _MOST_OF_A_PLAN, path).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DeployError(cannot("read", path, error)) from error
    return plan_from_text(text, str(path))


def cannot(verb: str, path: Path | str, error: Exception) -> Diagnostic:
    """The diagnostic for a file that cannot be read or written (`verb`)."""
    reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
    return Diagnostic(f"cannot-{verb}", f"cannot {verb} {path}: {reason}")
