"""Runs one command line, and turns however it ends into an exit code."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO, cast

import typer

from deployer import __version__
from deployer.cli import BUG, DONE, INTERRUPTED, REFUSED
from deployer.cli.app import NAME, Group, build_group
from deployer.cli.output import (
    ReaderGone,
    Unwritable,
    abandon_stdout,
    cannot,
    write_diagnostics,
    write_json,
    write_message,
)
from deployer.cli.usage import bad_usage
from deployer.errors import DeployError, Diagnostic, nearest
from deployer.models.shortage import shortage

_COMPLETE = f"_{NAME.upper()}_COMPLETE"  # set by the shell's completion script


def run_command(arguments: Sequence[str]) -> int:
    """The exit code of one command line: 0 done, 1 refused, 2 changes (if asked for), 3 a bug, 130 interrupted."""
    _open_closed_streams()
    if sys.stdout is None:
        write_diagnostics([Diagnostic("cannot-write", "standard output is closed: there is no place for the result")])
        return REFUSED
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")
    try:
        return _run(arguments)
    except (ReaderGone, BrokenPipeError):
        abandon_stdout()
    except Unwritable as error:
        abandon_stdout()
        write_diagnostics(error.diagnostics)
    return REFUSED


def _open_closed_streams() -> None:
    """A standard stream that the parent closed is None: input then has nothing to read, and messages go nowhere.

    Where there is a null device it is opened, so that no file gets the number of a standard stream.
    """
    if sys.stdin is None:
        sys.stdin = _null("r")
    if sys.stderr is None:
        sys.stderr = _null("w")


def _null(mode: str) -> TextIO:
    try:
        return cast(TextIO, Path(os.devnull).open(mode))
    except OSError:
        return io.StringIO()


def _run(arguments: Sequence[str]) -> int:
    try:
        if os.environ.get(_COMPLETE):
            build_group().main([], prog_name=NAME)
        code = _invoke(build_group(), arguments)
        sys.stdout.flush()
    except typer.Exit as ended:
        return ended.exit_code
    except SystemExit as ended:  # how Typer ends completion
        return ended.code if isinstance(ended.code, int) else DONE
    except (ReaderGone, BrokenPipeError, Unwritable):
        raise
    except DeployError as error:
        return _refuse(error.diagnostics, arguments)
    except typer.TyperException as error:
        return _refuse([_usage(error)], arguments)
    except KeyboardInterrupt:
        with contextlib.suppress(OSError):  # its terminal may be gone
            write_message("Interrupted.")
        return INTERRUPTED
    except Exception as error:
        if lack := shortage(error):
            return _refuse([Diagnostic("environment", lack.message, hint=lack.hint)], arguments)
        return _report_bug(error, arguments)
    return code if isinstance(code, int) else DONE


def _invoke(group: Group, arguments: Sequence[str]) -> object:
    """What the command returns.

    Not by `Group.main`, which takes a broken pipe anywhere for one of standard output, and ends without a word.
    """
    try:
        context = group.make_context(NAME, list(arguments))
    except BrokenPipeError:
        raise
    except OSError as error:
        # Options of the group print or install completion.
        raise Unwritable(cannot("write", error.filename or "standard output", error)) from error
    with context:
        return group.invoke(context)


def _usage(error: typer.TyperException) -> Diagnostic:
    context: typer.Context | None = getattr(error, "ctx", None)
    hint = f"see `{context.command_path} --help`" if context else ""
    # Only the error of an unknown option, whose class has no public name, has other names in `possibilities`.
    if context and hasattr(error, "possibilities"):
        return _unknown_option(context, str(getattr(error, "option_name", "")), hint)
    # As pydantic words it, and in one line: choices have one each.
    text = " ".join(error.format_message().split()).replace(": Value error, ", ": ", 1)
    message, _, close = text.partition(". Did you mean ")
    hint = f"did you mean {close}" if close else hint
    return bad_usage(message[:1].lower() + message[1:].rstrip("."), hint)


def _unknown_option(context: typer.Context, name: str, hint: str) -> Diagnostic:
    parameters = context.command.get_params(context)
    options = [option for each in parameters for option in (*each.opts, *each.secondary_opts)]
    # Without the dashes, in which any two are alike.
    close = nearest(name.lstrip("-"), [option[2:] for option in options if option.startswith("--")])
    return bad_usage(f"{context.command_path} has no option {name}", close.replace("'", "'--", 1) or hint)


def _refuse(diagnostics: Sequence[Diagnostic], arguments: Sequence[str]) -> int:
    if _wants_json(arguments):
        from deployer.views.diagnostics import diagnostics_to_json

        write_json({"diagnostics": diagnostics_to_json(diagnostics)})
    else:
        write_diagnostics(diagnostics)
    return REFUSED


def _wants_json(arguments: Sequence[str]) -> bool:
    """Looked up in the raw arguments: a refusal may come before they are understood."""
    pairs = zip(arguments, [*arguments[1:], ""], strict=True)
    return any(pair == ("--format", "json") or pair[0] == "--format=json" for pair in pairs)


def _report_bug(error: Exception, arguments: Sequence[str]) -> int:
    # Only the kind of error is printed: its message may hold anything, a secret too.
    try:
        place = _write_report(error)
    except OSError:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(frame.filename).name}, line {frame.lineno} (there is no folder for a file with more)"
    message = f"this is a bug in mfdeploy ({type(error).__name__}); please report it with {place}"
    _refuse([Diagnostic("bug", message)], arguments)
    return BUG


def _write_report(error: Exception) -> str:
    """The name of a file that has the traceback. Raises OSError."""
    handle, name = tempfile.mkstemp(prefix="mfdeploy-", suffix=".txt")
    with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(f"mfdeploy {__version__}, Python {sys.version}\n\n{''.join(traceback.format_exception(error))}")
    return name
