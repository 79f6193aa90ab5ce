"""What the commands print: results on standard output, everything else on standard error."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployer.cli.terminal import terminal
from deployer.errors import DeployError, Diagnostic, Severity

if TYPE_CHECKING:
    from deployer.cli.options import PlanFormat
    from deployer.commands.apply import ApplyResult
    from deployer.commands.plan import PlanView
    from deployer.models.plan import Plan


class ReaderGone(Exception):
    """Whoever read our standard output went away."""


class Unwritable(DeployError):
    """A result cannot be put on standard output, and neither can what is wrong with it."""


def write(text: str) -> None:
    """Put a result on standard output, as UTF-8 whatever the locale says. Raises Unwritable, and ReaderGone."""
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
    """What is still buffered must not fail once more at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def write_json(data: Mapping[str, Any]) -> None:
    write(json.dumps(data, indent=2) + "\n")


def say(text: str) -> None:
    """Put anything but a result on standard error."""
    from deployer.views.escape_controls import escape_controls

    sys.stderr.write("".join(f"{escape_controls(line)}\n" for line in text.splitlines()))
    sys.stderr.flush()


def tell(diagnostics: Sequence[Diagnostic]) -> None:
    if diagnostics:
        from deployer.views.diagnostics import diagnostics_to_text

        sys.stderr.write(diagnostics_to_text(diagnostics, terminal(sys.stderr).colour))
        sys.stderr.flush()


def write_shown(shown: Mapping[str, Any], format: str, to_text: Callable[..., str]) -> None:
    """Print data as it is, or in words for whoever looks."""
    if format == "json":
        write_json(shown)
        return
    shown_on = terminal(sys.stdout)
    write(to_text(shown, width=shown_on.width, colour=shown_on.colour))


def write_validation(diagnostics: Sequence[Diagnostic], deployments: int, format: str) -> None:
    """Print the problems that were found: beside the lines for GitHub, as data, or in words on standard error."""
    if format == "json":
        from deployer.views.diagnostics import diagnostics_to_json

        write_json({"deployments": deployments, "diagnostics": diagnostics_to_json(diagnostics)})
        return
    if format == "github":
        from deployer.views.annotations import diagnostics_to_annotations

        write(diagnostics_to_annotations(diagnostics))
    else:
        tell(diagnostics)
    if not any(each.severity is Severity.ERROR for each in diagnostics):
        from deployer.views.plan_words import count

        write(f"Valid: {count(deployments, 'deployment')}.\n")


def write_plan(result: PlanView, format: PlanFormat) -> None:
    from deployer.views.plan_json import plan_to_json
    from deployer.views.source_diff import source_diffs

    plan = plan_to_json(result.plan)
    if format == "json":
        write_json(plan)
    elif format == "markdown":
        from deployer.views.plan_markdown import plan_to_markdown

        write(plan_to_markdown(plan, sources=source_diffs(result.sources)))
    else:
        from deployer.views.plan_text import plan_to_text

        shown_on = terminal(sys.stdout)
        for diff in source_diffs(result.sources, shown_on.colour).values():
            write(f"{diff}\n")
        write(plan_to_text(plan, width=shown_on.width, colour=shown_on.colour))


def write_result(result: ApplyResult) -> None:
    from deployer.views.result_text import result_to_json, result_to_text

    shown_on = terminal(sys.stdout)
    data = result_to_json(result.done, result.failed, result.not_done, result.namespaces)
    write(f"\n{result_to_text(data, width=shown_on.width, colour=shown_on.colour)}")
    tell([*result.errors, *result.warnings])


def save_plan(out: Path, result: PlanView) -> None:
    """Write the plan beside its place and move it there, so that no apply finds half of one.

    A device, a pipe or a link (`/dev/stdout`) is written to and stays what it is.
    """
    from deployer.views.plan_json import plan_to_json

    text = json.dumps(plan_to_json(result.plan), indent=2) + "\n"
    special = out.is_symlink() or (out.exists() and not out.is_file())
    beside = out if special else out.parent / f".{out.name}.{os.getpid()}"
    try:
        beside.write_text(text, encoding="utf-8")
        if not special:
            beside.replace(out)
    except OSError as error:
        if not special:
            with contextlib.suppress(OSError):
                beside.unlink()
        raise DeployError(cannot("write", out, error)) from error
    say(f"Saved to {out}. To apply exactly this: mfdeploy apply {shlex.quote(str(out))}")


def read_plan(path: Path) -> Plan:
    """A plan that was saved. Raises DeployError."""
    from deployer.views.plan_json import plan_from_text

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DeployError(cannot("read", path, error)) from error
    return plan_from_text(text, str(path))


def cannot(verb: str, path: Path | str, error: Exception) -> Diagnostic:
    reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
    return Diagnostic(f"cannot-{verb}", f"cannot {verb} {path}: {reason}")
