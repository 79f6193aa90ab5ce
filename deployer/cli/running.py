"""Runs one command line, and turns however it ends into an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import click

from deployer import __version__
from deployer.cli import BUG, DONE, INTERRUPTED, REFUSED
from deployer.cli.commands import app
from deployer.cli.options import bad_usage
from deployer.cli.output import ReaderGone, Unwritable, abandon_stdout, say, tell, write_json
from deployer.errors import DeployError, Diagnostic, nearest


def run_command(arguments: Sequence[str]) -> int:
    """The exit code of one command line: 0 done, 1 refused, 2 changes (if asked for), 3 a bug, 130 interrupted."""
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 (until the end)
    if sys.stdout is None:
        tell([Diagnostic("cannot-write", "standard output is closed: there is no place for the result")])
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
        tell(error.diagnostics)
    return REFUSED


def _run(arguments: Sequence[str]) -> int:
    try:
        # Not `app.main`, which takes a broken pipe anywhere for one of standard output, and ends without a word.
        with app.make_context("mfdeploy", list(arguments)) as context:
            code = app.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except (ReaderGone, BrokenPipeError, Unwritable):
        raise
    except DeployError as error:
        return _refuse(error.diagnostics, arguments)
    except click.UsageError as error:
        return _refuse([_usage(error)], arguments)
    except KeyboardInterrupt:
        say("Interrupted.")
        return INTERRUPTED
    except Exception as error:
        return _report_bug(error, arguments)
    return code if isinstance(code, int) else DONE


def _usage(error: click.UsageError) -> Diagnostic:
    context = error.ctx
    hint = f"see `{context.command_path} --help`" if context else ""
    if context and isinstance(error, click.NoSuchOption):
        options = [name for each in context.command.get_params(context) for name in (*each.opts, *each.secondary_opts)]
        message = f"{context.command_path} has no option {error.option_name}"
        # Without the dashes, in which any two are alike.
        close = nearest(error.option_name.lstrip("-"), [name[2:] for name in options if name.startswith("--")])
        return bad_usage(message, close.replace("'", "'--", 1) or hint)
    message, _, close = error.format_message().strip().partition(". Did you mean ")
    hint = f"did you mean {close}" if close else hint
    return bad_usage(message[:1].lower() + message[1:].rstrip("."), hint)


def _refuse(diagnostics: Sequence[Diagnostic], arguments: Sequence[str]) -> int:
    if _wants_json(arguments):
        from deployer.views.diagnostics import diagnostics_to_json

        write_json({"diagnostics": diagnostics_to_json(diagnostics)})
    else:
        tell(diagnostics)
    return REFUSED


def _wants_json(arguments: Sequence[str]) -> bool:
    """Looked up in the raw arguments: a refusal may come before they are understood."""
    pairs = zip(arguments, [*arguments[1:], ""], strict=True)
    return any(pair == ("--format", "json") or pair[0] == "--format=json" for pair in pairs)


def _report_bug(error: Exception, arguments: Sequence[str]) -> int:
    # Only the kind of error is printed: its message may hold anything, a secret too.
    import tempfile

    handle, name = tempfile.mkstemp(prefix="mfdeploy-", suffix=".txt")
    with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(f"mfdeploy {__version__}, Python {sys.version}\n\n{''.join(traceback.format_exception(error))}")
    message = f"this is a bug in mfdeploy ({type(error).__name__}); please report it with {name}"
    _refuse([Diagnostic("bug", message)], arguments)
    return BUG
