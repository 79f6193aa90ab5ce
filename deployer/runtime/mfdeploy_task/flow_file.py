"""Runs a flow's file as ``python flow.py ARGUMENTS`` does, in this process or in a child."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .metaflow_compat import (
    accept_flow_options,
    append_arguments,
    constructor_replaced,
    import_cli,
    new_main_module,
    unwrap_flow,
)
from .missing import say_what_is_missing


def run_flow(
    flow_file: str,
    arguments: Sequence[str],
    of_flow: Callable[[Any], Sequence[str]] | None = None,
    hidden: Sequence[str] = (),
) -> int:
    """Runs the flow's file as ``python flow.py ARGUMENTS`` does. Returns the exit code.

    `of_flow` gives more arguments of the same command: it gets the flow's class as the flow's mutators left it, with
    the parameters that they added. `hidden` are arguments for Metaflow alone, before all others: they are in `sys.argv`
    from its start to the step's. The flow that METAFLOW_FLOW_NAME names is the one that runs, also where the file holds
    several or starts none.
    """
    wanted = os.environ["METAFLOW_FLOW_NAME"]
    module = _prepare(flow_file, arguments)
    started = False
    code = 0

    def start(construct: Callable[..., None], self: Any, use_cli: bool) -> None:
        nonlocal started, code
        if not use_cli or started or not hasattr(module, wanted):
            construct(self, use_cli and started)
            return
        started = True
        flow = self if type(self).__name__ == wanted else object.__new__(unwrap_flow(getattr(module, wanted)))
        cli = import_cli(type(flow))
        accept_flow_options(cli)
        if of_flow is not None:
            append_arguments(cli, of_flow)
        try:
            sys.argv[1:] = [*hidden, *sys.argv[1:]]
            construct(flow, True)
        except SystemExit as stop:
            # It stands, whatever the file makes of the exception.
            code = _exit_code(stop)
            raise

    try:
        with constructor_replaced(start):
            # This file's own `from __future__ import annotations` is none of the flow's.
            text = compile(Path(flow_file).read_bytes(), module.__file__ or flow_file, "exec", dont_inherit=True)
            exec(text, module.__dict__)  # noqa: S102
            if not started:
                getattr(module, wanted)()
    except SystemExit as stop:
        return code or _exit_code(stop)
    except BaseException as error:
        # As Python does for the file: without the frame above, and by what a user may have put in place of its own.
        frames = error.__traceback__ and error.__traceback__.tb_next
        sys.excepthook(type(error), error.with_traceback(frames), frames)
        say_what_is_missing(error)
        return 1
    return code


def _prepare(flow_file: str, arguments: Sequence[str]) -> Any:
    """Makes the interpreter one that was started with the file and the arguments. Returns the new main module."""
    folder = str(Path.cwd())
    sys.argv = [flow_file, *arguments]
    sys.orig_argv = [sys.executable, *sys.argv]
    if not getattr(sys.flags, "safe_path", False):
        sys.path[0] = folder
    return new_main_module(os.path.join(folder, flow_file))  # noqa: PTH118 - as Python does it, links and all


def _exit_code(stop: SystemExit) -> int:
    if stop.code is None or isinstance(stop.code, int):
        return stop.code or 0
    sys.stderr.write(f"{stop.code}\n")
    return 1


def in_child(work: Callable[[], int], quiet: bool = False) -> int:
    """Runs `work` in a forked process, which has Metaflow imported already and leaves this one as it was."""
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            if quiet:
                silence = os.open(os.devnull, os.O_WRONLY)
                os.dup2(silence, 1)
                os.dup2(silence, 2)
            code = work()
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)
    return shell_code(os.waitpid(child, 0)[1])


def shell_code(status: int) -> int:
    """The exit code of a process as a shell gives it: 128 and the signal's number for one that was killed."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code
